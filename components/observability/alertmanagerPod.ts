import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  hardened,
  httpProbe,
  ownAnnotation,
  podDefaults,
  resources,
  type Labels,
} from "../workload/index.ts";
import type { AlertmanagerArgs } from "./Alertmanager.ts";
import { monitoringLayout } from "./layout.ts";

export interface AlertmanagerPodParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  readonly secret: pulumi.Input<string>;
  readonly claim: pulumi.Input<string>;
}

const layout = monitoringLayout.alertmanager;

export const alertmanagerFlags: string[] = [
  `--config.file=${layout.configDirectory}/alertmanager.yaml`,
  `--storage.path=${layout.dataDirectory}`,
  `--web.listen-address=:${String(layout.port)}`,
  // One replica: no cluster, no second port.
  "--cluster.listen-address=",
  // So that `alert:test` sees what became of its own alert.
  "--enable-feature=receiver-name-in-metrics",
];

export const alertmanagerPod = (
  args: AlertmanagerArgs,
  parts: AlertmanagerPodParts,
): k8s.types.input.core.v1.PodTemplateSpec => {
  const { uid } = monitoringLayout;
  const security = hardened({ uid, fsGroup: uid });
  return {
    metadata: { labels: parts.labels.all, annotations: { [ownAnnotation.rotation]: String(args.rotation) } },
    spec: {
      ...podDefaults({ ...args, serviceAccount: parts.serviceAccount, security, graceSeconds: 60 }),
      containers: [
        {
          name: "alertmanager",
          image: args.image.ref,
          imagePullPolicy: "IfNotPresent",
          args: alertmanagerFlags,
          securityContext: security.container,
          ports: [{ name: "http", containerPort: layout.port, protocol: "TCP" }],
          startupProbe: httpProbe("/-/ready", "http", allowing(120)),
          livenessProbe: httpProbe("/-/healthy", "http", { failureThreshold: 6 }),
          readinessProbe: httpProbe("/-/ready", "http", { periodSeconds: 5 }),
          resources: resources(args.size, 64),
          volumeMounts: [
            { name: "config", mountPath: layout.configDirectory, readOnly: true },
            { name: "authority", mountPath: layout.authorityDirectory, readOnly: true },
            { name: "receivers", mountPath: layout.secretDirectory, readOnly: true },
            { name: "data", mountPath: layout.dataDirectory },
          ],
        },
      ],
      volumes: [
        configVolume("config", parts, "alertmanager.yaml"),
        configVolume("authority", parts, "ca.crt"),
        { name: "receivers", secret: { secretName: parts.secret, defaultMode: 0o440 } },
        { name: "data", persistentVolumeClaim: { claimName: parts.claim } },
      ],
    },
  };
};

const configVolume = (
  name: string,
  { config }: AlertmanagerPodParts,
  key: string,
): k8s.types.input.core.v1.Volume => ({
  name,
  configMap: { name: config, defaultMode: 0o444, items: [{ key, path: key }] },
});
