import type * as k8s from "@pulumi/kubernetes";

type PodSecurityContext = k8s.types.input.core.v1.PodSecurityContext;
type SecurityContext = k8s.types.input.core.v1.SecurityContext;
type Volume = k8s.types.input.core.v1.Volume;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

export interface WritablePath {
  readonly path: string;
  /** MiB; the pod is evicted beyond it. */
  readonly sizeMiB: number;
  /** Memory counts against the container's memory limit. @default disk */
  readonly medium?: "memory" | "disk";
}

export interface HardenedArgs {
  /** Numeric, never 0: a name could not be checked against runAsNonRoot. */
  readonly uid: number;
  /** @default uid */
  readonly gid?: number;
  /** Group that owns volumes and secrets of the pod. @default none */
  readonly fsGroup?: number;
  /** The only places where the container can write. */
  readonly writablePaths?: readonly WritablePath[];
}

export interface Hardened {
  readonly pod: PodSecurityContext;
  readonly container: SecurityContext;
  readonly volumes: Volume[];
  readonly mounts: VolumeMount[];
}

/** `/var/run/postgresql` -> `scratch-var-run-postgresql`: a volume name that says where it is mounted. */
const volumeName = (path: string): string => `scratch${path.replace(/[^a-z0-9]+/g, "-")}`;

/**
 * The security of a pod under Pod Security `restricted`, with a read-only root file system.
 * There is no option to weaken it: nothing that we run has needed one.
 * @throws Error for uid or gid 0.
 */
export const hardened = (args: HardenedArgs): Hardened => {
  const gid = args.gid ?? args.uid;
  if (args.uid <= 0 || gid <= 0)
    throw new Error(`uid ${String(args.uid)}:${String(gid)}: a container must not run as root`);
  const paths = args.writablePaths ?? [];
  return {
    pod: {
      runAsNonRoot: true,
      runAsUser: args.uid,
      runAsGroup: gid,
      seccompProfile: { type: "RuntimeDefault" },
      ...(args.fsGroup === undefined ? {} : { fsGroup: args.fsGroup, fsGroupChangePolicy: "OnRootMismatch" }),
    },
    container: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumes: paths.map(({ path, sizeMiB, medium }) => ({
      name: volumeName(path),
      emptyDir: { sizeLimit: `${String(sizeMiB)}Mi`, ...(medium === "memory" ? { medium: "Memory" } : {}) },
    })),
    mounts: paths.map(({ path }) => ({ name: volumeName(path), mountPath: path })),
  };
};
