import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  apiToken,
  hardened,
  httpProbe,
  ownAnnotation,
  podDefaults,
  resources,
  type Labels,
} from "../workload/index.ts";
import { monitoringLayout } from "./layout.ts";
import type { PrometheusArgs } from "./Prometheus.ts";

export interface PrometheusPodParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  readonly claim: pulumi.Input<string>;
}

const layout = monitoringLayout.prometheus;
/** Replaying the log of a large head takes minutes. */
const startupSeconds = 15 * 60;

export const prometheusFlags = ({
  retentionDays,
  storageGiB,
}: Pick<PrometheusArgs, "retentionDays" | "storageGiB">): string[] => [
  `--config.file=${layout.configDirectory}/prometheus.yaml`,
  `--storage.tsdb.path=${layout.dataDirectory}`,
  `--storage.tsdb.retention.time=${String(retentionDays)}d`,
  // What is being compacted is not counted, so a fifth of the volume stays free.
  `--storage.tsdb.retention.size=${String(Math.floor(storageGiB * 0.8 * 1024))}MB`,
  `--web.listen-address=:${String(layout.port)}`,
  "--enable-feature=auto-reload-config",
  "--config.auto-reload-interval=15s",
];

export const prometheusPod = (
  args: PrometheusArgs,
  parts: PrometheusPodParts,
): k8s.types.input.core.v1.PodTemplateSpec => {
  const { uid } = monitoringLayout;
  const security = hardened({ uid, fsGroup: uid });
  const token = apiToken();
  return {
    metadata: { labels: parts.labels.all, annotations: { [ownAnnotation.rotation]: String(args.rotation) } },
    spec: {
      ...podDefaults({ ...args, serviceAccount: parts.serviceAccount, security, graceSeconds: 120 }),
      containers: [
        {
          name: "prometheus",
          image: args.image.ref,
          imagePullPolicy: "IfNotPresent",
          args: prometheusFlags(args),
          securityContext: security.container,
          ports: [{ name: "http", containerPort: layout.port, protocol: "TCP" }],
          startupProbe: httpProbe("/-/ready", "http", allowing(startupSeconds)),
          livenessProbe: httpProbe("/-/healthy", "http", { failureThreshold: 6 }),
          readinessProbe: httpProbe("/-/ready", "http", { periodSeconds: 5 }),
          resources: resources(args.size, 128),
          volumeMounts: [
            { name: "config", mountPath: layout.configDirectory, readOnly: true },
            { name: "authority", mountPath: layout.authorityDirectory, readOnly: true },
            { name: "data", mountPath: layout.dataDirectory },
            token.mount,
          ],
        },
      ],
      volumes: [
        configVolume("config", parts, ["prometheus.yaml", "rules.yaml"]),
        configVolume("authority", parts, ["ca.crt"]),
        { name: "data", persistentVolumeClaim: { claimName: parts.claim } },
        token.volume,
      ],
    },
  };
};

const configVolume = (
  name: string,
  { config }: PrometheusPodParts,
  keys: readonly string[],
): k8s.types.input.core.v1.Volume => ({
  name,
  configMap: { name: config, defaultMode: 0o444, items: keys.map((key) => ({ key, path: key })) },
});
