import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  execProbe,
  hardened,
  podDefaults,
  resources,
  value,
  type EnvVar,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { storeVolume } from "./archive.ts";
import { database, postgresLayout, roles } from "./layout.ts";
import { walgSourceEnv, type WalgSource } from "./walgBinary.ts";
import { goMemoryMiB, renderWalgEnv, type WalgSettings } from "./walgEnv.ts";

type Container = k8s.types.input.core.v1.Container;
type PodSpec = k8s.types.input.core.v1.PodSpec;
type PodTemplate = k8s.types.input.core.v1.PodTemplateSpec;
type Volume = k8s.types.input.core.v1.Volume;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

export interface BackupPodArgs {
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly store: WalgSettings;
  readonly source: WalgSource;
  readonly databaseHost: string;
  readonly retainFull: number;
  /** Longest time that writers wait for a fingerprint, seconds. Undefined: none is taken. */
  readonly fingerprintSeconds: number | undefined;
}

/** Of the container that sends the log while it is being written. */
export interface StreamArgs {
  readonly size: Size;
}

/** The objects that the pods refer to, by name. */
export interface BackupParts {
  readonly serviceAccount: pulumi.Input<string>;
  readonly scripts: pulumi.Input<string>;
}

const layout = postgresLayout;
const passwordDirectory = "/run/platform/backup-password";
const caDirectory = "/etc/platform/ca";
/** An upload in flight ends; a backup that is cut off leaves parts that `delete garbage` removes. */
const graceSeconds = 60;
const streamGoMemoryMiB = 64;

const security = hardened({
  uid: layout.uid,
  fsGroup: layout.uid,
  writablePaths: [{ path: "/tmp", sizeMiB: 256 }],
});

const connectionEnv = (host: string): readonly EnvVar[] => [
  value("PGHOST", host),
  value("PGPORT", String(layout.port)),
  value("PGUSER", roles.backup),
  value("PGDATABASE", database),
  value("PGSSLMODE", "verify-full"),
  value("PGSSLROOTCERT", `${caDirectory}/ca.crt`),
  value("PLATFORM_PASSWORD_FILE", `${passwordDirectory}/${roles.backup}`),
];

const env = (args: BackupPodArgs): EnvVar[] => [
  ...connectionEnv(args.databaseHost),
  ...renderWalgEnv(args.store, goMemoryMiB(args.size)),
  ...walgSourceEnv(args.source, layout.dataRoot),
  value("PLATFORM_RETAIN_FULL", String(args.retainFull)),
  ...(args.fingerprintSeconds === undefined
    ? []
    : [value("PLATFORM_FINGERPRINT_SECONDS", String(args.fingerprintSeconds))]),
];

const caMount: VolumeMount = { name: "ca", mountPath: caDirectory, readOnly: true };
// The volumes of the database, for reading only, where the server has them.
const mounts: readonly VolumeMount[] = [
  ...security.mounts,
  { name: "scripts", mountPath: layout.configDirectory, readOnly: true },
  { name: "data", mountPath: layout.dataRoot, readOnly: true },
  { name: "wal", mountPath: layout.walRoot, readOnly: true },
  { name: "password", mountPath: passwordDirectory, readOnly: true },
  caMount,
  storeVolume.mount,
];

const container = (args: BackupPodArgs, name: string): Container => ({
  name,
  image: args.image.ref,
  imagePullPolicy: "IfNotPresent",
  securityContext: security.container,
  command: ["bash", `${layout.configDirectory}/${name}.sh`],
  env: env(args),
  resources: resources(args.size, 512),
  volumeMounts: [...mounts],
});

/** Rules for a new pod may be programmed after its start: its first connections can be reset. */
const waitForDatabase = (args: BackupPodArgs): Container => ({
  name: "wait-for-database",
  image: args.image.ref,
  imagePullPolicy: "IfNotPresent",
  securityContext: security.container,
  command: ["sh", "-c", `until ${layout.binDirectory}/pg_isready --quiet --timeout=3; do sleep 2; done`],
  env: [...connectionEnv(args.databaseHost)],
  resources: resources({ cpuMillis: 10, memoryMiB: 16, memoryLimitMiB: 32 }, 64),
  // With the CA: asked for verification, pg_isready does not even connect without it.
  volumeMounts: [...security.mounts, caMount],
});

const spec = (
  args: BackupPodArgs,
  parts: BackupParts,
  databaseSelector: Labels["selector"],
  more: readonly Volume[] = [],
): Omit<PodSpec, "containers"> => ({
  ...podDefaults({ ...parts, priorityClass: args.priorityClass, security, graceSeconds }),
  // The volume can be mounted on one node only: where the server is.
  affinity: {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: databaseSelector }, topologyKey: "kubernetes.io/hostname" },
      ],
    },
  },
  volumes: [
    ...security.volumes,
    { name: "scripts", configMap: { name: parts.scripts, defaultMode: 0o444 } },
    { name: "data", persistentVolumeClaim: { claimName: "postgres-data" } },
    { name: "wal", persistentVolumeClaim: { claimName: "postgres-wal" } },
    {
      name: "password",
      secret: {
        secretName: "postgres-passwords",
        items: [{ key: roles.backup, path: roles.backup }],
        defaultMode: 0o440,
      },
    },
    {
      name: "ca",
      secret: { secretName: "postgres-tls", items: [{ key: "ca.crt", path: "ca.crt" }], defaultMode: 0o444 },
    },
    storeVolume.volume,
    ...more,
  ],
});

/** Pieces of the log on their way; when it is full, the receiver begins anew. */
const streamVolume = {
  volume: { name: "stream", emptyDir: { medium: "Memory", sizeLimit: "96Mi" } },
  mount: { name: "stream", mountPath: "/run/platform/stream" },
} as const;

const streamer = (args: BackupPodArgs, { size }: StreamArgs): Container => ({
  ...container({ ...args, size }, "stream"),
  env: [
    ...connectionEnv(args.databaseHost),
    // What the pieces take of its memory is not for wal-g.
    ...renderWalgEnv(args.store, streamGoMemoryMiB),
    ...walgSourceEnv(args.source, layout.dataRoot),
    value("PLATFORM_STREAM_DIRECTORY", streamVolume.mount.mountPath),
  ],
  volumeMounts: [...mounts, streamVolume.mount],
  // Neither the store nor the database being away is a reason to restart it.
  startupProbe: execProbe(["test", "-e", "/tmp/streaming"], { periodSeconds: 2, failureThreshold: 30 }),
  readinessProbe: execProbe(["test", "-e", "/tmp/streaming"], { periodSeconds: 30 }),
  livenessProbe: execProbe(["sh", "-c", "kill -0 1"], { periodSeconds: 30 }),
});

export interface PodOf {
  readonly args: BackupPodArgs;
  readonly parts: BackupParts;
  readonly labels: Labels;
  /** Selects the database's pod. */
  readonly databaseSelector: Labels["selector"];
}

/** Pod of one run of `<script>.sh`. */
export const jobPod = (
  { args, parts, labels, databaseSelector }: PodOf,
  script: "backup" | "verify",
): PodTemplate => ({
  metadata: { labels: { ...labels.all } },
  spec: {
    ...spec(args, parts, databaseSelector),
    restartPolicy: "Never",
    initContainers: [waitForDatabase(args)],
    containers: [container(args, script)],
  },
});

/** Pod that watches whether there is a base backup, small until it has to make one; `stream` also sends the log. */
export const keeperPod = (
  { args, parts, labels, databaseSelector }: PodOf,
  stream: StreamArgs | undefined,
): PodTemplate => {
  const keeper: Container = {
    ...container(args, "backup-keeper"),
    // Its work is not its liveness: the store may be away for hours.
    startupProbe: execProbe(["test", "-e", "/tmp/alive"], { periodSeconds: 2, failureThreshold: 30 }),
    readinessProbe: execProbe(["test", "-e", "/tmp/alive"], { periodSeconds: 30 }),
    livenessProbe: execProbe(["sh", "-c", "kill -0 1"], { periodSeconds: 30 }),
  };
  return {
    metadata: { labels: { ...labels.all } },
    spec: {
      ...spec(args, parts, databaseSelector, stream === undefined ? [] : [streamVolume.volume]),
      containers: [keeper, ...(stream === undefined ? [] : [streamer(args, stream)])],
    },
  };
};
