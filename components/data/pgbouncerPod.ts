import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  contentHash,
  execProbe,
  fromSecret,
  hardened,
  httpProbe,
  ownAnnotation,
  podDefaults,
  resources,
  tcpProbe,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { bootSettings } from "./pgbouncerIni.ts";
import { pgbouncerLayout } from "./pgbouncerLayout.ts";
import { aliveCommand, renderReloadScript, stopCommand } from "./pgbouncerScripts.ts";

type Container = k8s.types.input.core.v1.Container;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

/** The objects that the pod refers to, by name. */
export interface PgBouncerParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly scripts: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  readonly tls: pulumi.Input<string>;
  /** Secret with the exporter's connection string. */
  readonly exporter: pulumi.Input<string> | undefined;
}

export interface PgBouncerPodArgs {
  readonly image: ResolvedImage;
  /** Undefined: no metrics. */
  readonly exporter?: { readonly image: ResolvedImage; readonly size: Size } | undefined;
  readonly size: Size;
  readonly reloaderSize: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly rotation: number;
}

const layout = pgbouncerLayout;
/** Transactions in flight end; longer ones are cut off. PostgreSQL itself ends an idle one after 60 s. */
const graceSeconds = 60;
export const connectionKey = "connection";

const security = hardened({
  uid: layout.uid,
  fsGroup: layout.uid,
  writablePaths: [{ path: layout.socketDirectory, sizeMiB: 1 }],
});
const mounts: readonly VolumeMount[] = [
  ...security.mounts,
  // Whole directories, never single files: a file mounted by subPath is not updated.
  { name: "config", mountPath: layout.configDirectory, readOnly: true },
  { name: "tls", mountPath: layout.tlsDirectory, readOnly: true },
];

/** Pod of the pooler: `reloader` watches, `pgbouncer` serves, `metrics` counts. */
export const pgbouncerPod = (
  args: PgBouncerPodArgs,
  parts: PgBouncerParts,
): k8s.types.input.core.v1.PodTemplateSpec => ({
  metadata: {
    labels: parts.labels.all,
    annotations: {
      [ownAnnotation.rotation]: String(args.rotation),
      // Everything else is taken over by a reload.
      [ownAnnotation.boot]: contentHash(bootSettings),
    },
  },
  spec: {
    ...podDefaults({ ...parts, priorityClass: args.priorityClass, security, graceSeconds }),
    initContainers: [reloader(args)],
    containers: [
      pooler(args),
      ...(args.exporter === undefined || parts.exporter === undefined
        ? []
        : [exporter(args.exporter, parts.exporter)]),
    ],
    volumes: [
      ...security.volumes,
      { name: "scripts", configMap: { name: parts.scripts, defaultMode: 0o444 } },
      { name: "config", secret: { secretName: parts.config, defaultMode: 0o440 } },
      { name: "tls", secret: { secretName: parts.tls, defaultMode: 0o440 } },
    ],
  },
});

const base = (image: ResolvedImage): Pick<Container, "image" | "imagePullPolicy" | "securityContext"> => ({
  image: image.ref,
  imagePullPolicy: "IfNotPresent",
  securityContext: security.container,
});

/** A sidecar: started before PgBouncer, ended after it. */
const reloader = ({ image, reloaderSize }: PgBouncerPodArgs): Container => ({
  ...base(image),
  name: "reloader",
  restartPolicy: "Always",
  command: ["sh", `${layout.scriptDirectory}/reload.sh`],
  resources: resources(reloaderSize, 16),
  volumeMounts: [...mounts, { name: "scripts", mountPath: layout.scriptDirectory, readOnly: true }],
});

const pooler = ({ image, size }: PgBouncerPodArgs): Container => ({
  ...base(image),
  name: "pgbouncer",
  // Never the image's entrypoint: it writes a configuration of its own and prints it, passwords included.
  command: ["pgbouncer", `${layout.configDirectory}/pgbouncer.ini`],
  ports: [{ name: "pgbouncer", containerPort: layout.port, protocol: "TCP" }],
  lifecycle: { preStop: { exec: { command: [...stopCommand] } } },
  startupProbe: tcpProbe("pgbouncer", allowing(60, 1)),
  // Rarely and with patience: each try starts a program and is logged, and a restart cuts everybody off.
  livenessProbe: execProbe(aliveCommand, { periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 4 }),
  // Not whether the database answers: clients wait here while it restarts.
  readinessProbe: tcpProbe("pgbouncer", { periodSeconds: 5 }),
  resources: resources(size, 64),
  volumeMounts: [...mounts],
});

const exporter = (
  { image, size }: NonNullable<PgBouncerPodArgs["exporter"]>,
  secretName: pulumi.Input<string>,
): Container => ({
  ...base(image),
  name: "metrics",
  // Not PgBouncer's own uid, to which the console would obey.
  securityContext: { ...security.container, runAsUser: layout.exporterUid, runAsGroup: layout.exporterUid },
  args: [`--web.listen-address=:${String(layout.metricsPort)}`],
  env: [fromSecret("PGBOUNCER_EXPORTER_CONNECTION_STRING", { secretName, key: connectionKey })],
  ports: [{ name: "metrics", containerPort: layout.metricsPort, protocol: "TCP" }],
  // None of them asks PgBouncer: metrics that fail must not take the pooler away from its clients.
  startupProbe: tcpProbe("metrics", allowing(60)),
  livenessProbe: httpProbe("/", "metrics", { periodSeconds: 30 }),
  readinessProbe: tcpProbe("metrics"),
  resources: resources(size, 16),
  volumeMounts: [...security.mounts],
});

/** What the ConfigMap of the scripts holds. */
export const pgbouncerScripts = (): Record<string, string> => ({ "reload.sh": renderReloadScript(layout) });
