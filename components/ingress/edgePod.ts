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
import type { EdgeArgs } from "./Edge.ts";
import { edgeLayout } from "./layout.ts";

type Volume = k8s.types.input.core.v1.Volume;

export interface EdgePodParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  readonly certificate: pulumi.Input<string>;
}

/** Connections in flight end within Traefik's own 35 s. */
const graceSeconds = 60;

/** Pod of the edge: unprivileged but for the host's two ports, which its namespace has to allow. */
export const edgePod = (args: EdgeArgs, parts: EdgePodParts): k8s.types.input.core.v1.PodTemplateSpec => {
  const security = hardened({
    uid: edgeLayout.uid,
    fsGroup: edgeLayout.uid,
    writablePaths: [{ path: "/tmp", sizeMiB: 64 }],
  });
  const token = apiToken();
  return {
    metadata: { labels: parts.labels.all, annotations: { [ownAnnotation.rotation]: String(args.rotation) } },
    spec: {
      ...podDefaults({ ...args, serviceAccount: parts.serviceAccount, security, graceSeconds }),
      containers: [
        {
          name: "traefik",
          image: args.image.ref,
          imagePullPolicy: "IfNotPresent",
          args: [`--configfile=${edgeLayout.staticDirectory}/traefik.yaml`],
          securityContext: security.container,
          ports: [
            { name: "http", containerPort: edgeLayout.httpPort, hostPort: 80, protocol: "TCP" },
            { name: "https", containerPort: edgeLayout.httpsPort, hostPort: 443, protocol: "TCP" },
            { name: "ping", containerPort: edgeLayout.pingPort, protocol: "TCP" },
            { name: "metrics", containerPort: edgeLayout.metricsPort, protocol: "TCP" },
          ],
          startupProbe: httpProbe("/ping", "ping", allowing(120)),
          livenessProbe: httpProbe("/ping", "ping", { failureThreshold: 6 }),
          readinessProbe: httpProbe("/ping", "ping", { periodSeconds: 5 }),
          resources: resources(args.size, 128),
          volumeMounts: [
            ...security.mounts,
            { name: "config", mountPath: edgeLayout.staticDirectory, readOnly: true },
            { name: "certificate", mountPath: edgeLayout.certificateDirectory, readOnly: true },
            token.mount,
          ],
        },
      ],
      volumes: [...security.volumes, configVolume(parts), certificateVolume(parts), token.volume],
    },
  };
};

const configVolume = (parts: EdgePodParts): Volume => ({
  name: "config",
  configMap: {
    name: parts.config,
    defaultMode: 0o444,
    items: [
      { key: "traefik.yaml", path: "traefik.yaml" },
      { key: "dynamic.yaml", path: "dynamic/dynamic.yaml" },
    ],
  },
});

const certificateVolume = (parts: EdgePodParts): Volume => ({
  name: "certificate",
  secret: { secretName: parts.certificate, defaultMode: 0o440 },
});
