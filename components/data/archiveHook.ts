import type * as k8s from "@pulumi/kubernetes";
import type { EnvVar } from "../workload/index.ts";

type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

/**
 * What continuous archiving adds to the database's pod. The database knows where the parts go, and nothing of what
 * they do.
 */
export interface ArchiveHook {
  /** Lines of `postgresql.conf`: `archive_mode` (off without a hook), `archive_command`, `restore_command` and so on. */
  readonly confLines: readonly string[];
  /**
   * File name -> content, mounted in the directory of the configuration. Two names are known to the init script, which
   * runs them with bash, without arguments, before the server and with the environment and mounts below:
   * - `guard.sh`, before an empty volume becomes a cluster by initdb: an exit status other than 0 refuses;
   * - `restore-base.sh`, instead of initdb when `bootstrap` is `restore`: fills the empty directory `$PGDATA` with a
   *   base backup and `recovery.signal`. What it leaves in `$PGDATA/pg_wal` is moved to the log's own volume.
   */
  readonly scripts: Readonly<Record<string, string>>;
  /** For the server. */
  readonly env: readonly EnvVar[];
  /** For the init container, which has the memory to itself. */
  readonly initEnv: readonly EnvVar[];
  readonly volumes: readonly Volume[];
  /** For the server and the init container. */
  readonly mounts: readonly VolumeMount[];
  /** Run before the init container, in this order. */
  readonly initContainers: readonly Container[];
  /** The log is also streamed (`wal-g wal-receive`): the role `backup` may replicate. @default false */
  readonly streams?: boolean;
}

/** What an empty data volume becomes: a new cluster, or the newest state in the archive. */
export type Bootstrap = "initdb" | "restore";
