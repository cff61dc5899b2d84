import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  execProbe,
  fromField,
  hardened,
  ownAnnotation,
  podDefaults,
  resources,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import type { ArchiveHook } from "./archiveHook.ts";
import { database, postgresLayout, provisionedMarker, roles } from "./layout.ts";

type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

/** The objects that the pod refers to, by name. */
export interface PodParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  readonly roles: pulumi.Input<string>;
  readonly passwords: pulumi.Input<string>;
  readonly tls: pulumi.Input<string>;
  readonly dataClaim: pulumi.Input<string>;
  readonly walClaim: pulumi.Input<string>;
}

export interface PodArgs {
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly rotation: number;
  readonly archive?: ArchiveHook;
}

const layout = postgresLayout;
/** Crash recovery and point-in-time recovery must never be cut short by a probe. */
const startupSeconds = 45 * 60;
/** A fast shutdown writes a checkpoint; killed before that, the next start is a recovery. */
const graceSeconds = 120;
const keeperSize: Size = { cpuMillis: 10, memoryMiB: 32, memoryLimitMiB: 64 };

const security = (memoryMiB: number): ReturnType<typeof hardened> =>
  hardened({
    uid: layout.uid,
    fsGroup: layout.uid,
    writablePaths: [
      { path: layout.socketDirectory, sizeMiB: 16 },
      { path: "/tmp", sizeMiB: 64 },
      // Parallel queries share memory here; it counts against the container's limit.
      { path: "/dev/shm", sizeMiB: memoryMiB >= 1024 ? 256 : 64, medium: "memory" },
    ],
  });

const configMount: VolumeMount = { name: "config", mountPath: layout.configDirectory, readOnly: true };
// Whole directories, never single files: a file mounted by subPath is not updated.
const rolesMount: VolumeMount = { name: "roles", mountPath: layout.rolesDirectory, readOnly: true };
const tlsMount: VolumeMount = { name: "tls", mountPath: layout.tlsDirectory, readOnly: true };
const passwordMount: VolumeMount = { name: "passwords", mountPath: layout.passwordDirectory, readOnly: true };
/** The keeper only measures it. */
const walReadMount: VolumeMount = { name: "wal", mountPath: layout.walRoot, readOnly: true };
const dataMounts: readonly VolumeMount[] = [
  { name: "data", mountPath: layout.dataRoot },
  { name: "wal", mountPath: layout.walRoot },
];

/** Pod of the database: `init` makes the cluster, `keeper` applies roles, `postgres` serves. */
export const podTemplate = (args: PodArgs, parts: PodParts): k8s.types.input.core.v1.PodTemplateSpec => {
  const secure = security(args.size.memoryMiB);
  const base = { image: args.image.ref, imagePullPolicy: "IfNotPresent", securityContext: secure.container };
  return {
    metadata: {
      labels: parts.labels.all,
      annotations: { [ownAnnotation.rotation]: String(args.rotation) },
    },
    spec: {
      ...podDefaults({
        serviceAccount: parts.serviceAccount,
        priorityClass: args.priorityClass,
        security: secure,
        graceSeconds,
      }),
      initContainers: [
        ...(args.archive?.initContainers ?? []),
        initContainer(base, args, secure.mounts),
        keeperContainer(base, secure.mounts),
      ],
      containers: [serverContainer(base, args, secure.mounts)],
      volumes: [...secure.volumes, ...volumes(parts), ...(args.archive?.volumes ?? [])],
    },
  };
};

type Base = Pick<Container, "image" | "imagePullPolicy" | "securityContext">;

const initContainer = (
  base: Base,
  { size, archive }: PodArgs,
  mounts: readonly VolumeMount[],
): Container => ({
  ...base,
  name: "init",
  command: ["bash", `${layout.configDirectory}/init.sh`],
  env: [...(archive?.initEnv ?? [])],
  resources: resources(size),
  volumeMounts: [...mounts, configMount, ...dataMounts, ...(archive?.mounts ?? [])],
});

/** A sidecar: started before the server, ended after it. */
const keeperContainer = (base: Base, mounts: readonly VolumeMount[]): Container => ({
  ...base,
  name: "keeper",
  restartPolicy: "Always",
  command: ["bash", `${layout.configDirectory}/keeper.sh`],
  resources: resources(keeperSize, 64),
  volumeMounts: [...mounts, configMount, rolesMount, tlsMount, passwordMount, walReadMount],
});

const serverContainer = (
  base: Base,
  { size, archive }: PodArgs,
  mounts: readonly VolumeMount[],
): Container => {
  // Over TLS and with a role that has to give a password: the server answers, the probe hangs up, nothing is logged.
  // Through the socket it would log in, and be the only one who does so as superuser all day.
  const isReady = `${layout.binDirectory}/pg_isready --quiet --host="$POD_IP" --username=${roles.monitor} --dbname=${database}`;
  const alive = ["sh", "-c", isReady];
  const serving = ["sh", "-c", `test -e ${provisionedMarker(layout)} && ${isReady}`];
  return {
    ...base,
    name: "postgres",
    // See init.sh for the lock. flock becomes the server, process 1, and all of its children hold what it holds.
    command: [
      ...["flock", "--no-fork", layout.dataRoot],
      `${layout.binDirectory}/postgres`,
      "-c",
      `config_file=${layout.configDirectory}/postgresql.conf`,
    ],
    env: [fromField("POD_IP", "status.podIP"), ...(archive?.env ?? [])],
    ports: [{ name: "postgres", containerPort: layout.port, protocol: "TCP" }],
    // SIGTERM would wait for every client to leave; SIGINT is the fast shutdown. Not every image sets it as its stop signal.
    lifecycle: { preStop: { exec: { command: ["sh", "-c", "kill -INT 1"] } } },
    startupProbe: execProbe(alive, allowing(startupSeconds)),
    livenessProbe: execProbe(alive, { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
    readinessProbe: execProbe(serving, { periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 }),
    resources: resources(size, 1024),
    volumeMounts: [...mounts, configMount, tlsMount, ...dataMounts, ...(archive?.mounts ?? [])],
  };
};

const volumes = (parts: PodParts): Volume[] => [
  { name: "config", configMap: { name: parts.config, defaultMode: 0o444 } },
  { name: "roles", secret: { secretName: parts.roles, defaultMode: 0o440 } },
  // root:999 0440: PostgreSQL accepts a key that root owns and its group reads.
  { name: "tls", secret: { secretName: parts.tls, defaultMode: 0o440 } },
  { name: "passwords", secret: { secretName: parts.passwords, defaultMode: 0o440 } },
  { name: "data", persistentVolumeClaim: { claimName: parts.dataClaim } },
  { name: "wal", persistentVolumeClaim: { claimName: parts.walClaim } },
];
