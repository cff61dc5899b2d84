/** The four sizes: which parts run, how many of each, and how much they ask for. Plain data. */

import type { Size } from "../components/workload/resources.ts";
import type { ProfileName, Settings } from "./config/types.ts";

/** Thousandths of a CPU and MiB of memory. */
export interface Amount {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

export interface Part {
  readonly replicas: number;
  readonly size: Size;
}

export interface Profile {
  readonly postgres: Part;
  /** Beside the database, in its pod: applies roles and passwords. */
  readonly keeper: Part;
  /** Two, so that one can be rolled. Every statement passes: with too small a share of a busy CPU it slows all. */
  readonly pgbouncer: Part;
  /** Beside PgBouncer, in each of its pods: makes it take over what changed. */
  readonly reloader: Part;
  readonly dragonfly: Part;
  readonly redisQueue: Part;
  readonly redisSignalling: Part;
  /** Beside each of the three, in its pod: has it take over passwords and certificates. */
  readonly cacheKeeper: Part;
  readonly api: Part;
  /** Ends TLS before the API, in each of its pods. */
  readonly tlsFront: Part;
  readonly worker: Part;
  /** One per node. */
  readonly traefik: Part;
  /** Runs before a new version of the API and ends. */
  readonly migration: Part;
  /** Base backup, and the check of the archived log. */
  readonly backup: Part;
  /** Watches whether there is a base backup, and makes the first one: hence the limit. */
  readonly backupKeeper: Part;
  /** Beside it, in its pod: sends the log while it is being written. */
  readonly logStream: Part;
  /** A second PostgreSQL for the time of the restore drill. */
  readonly drill: Part;
  /** Serves its verdict as metrics. */
  readonly drillExporter: Part;
  /** VACUUM and amcheck. */
  readonly maintenance: Part;
  readonly prometheus: Part;
  readonly alertmanager: Part;
  /** Metrics of one PostgreSQL, PgBouncer or Redis process, as a pod or beside it. */
  readonly exporter: Part;
  /** One per node. */
  readonly nodeExporter: Part;
  readonly kubeStateMetrics: Part;
  /** What k3s with etcd takes; not a pod, so no request stands for it. */
  readonly k3s: Amount;
  readonly system: Amount;
}

const part = (replicas: number, cpuMillis: number, memoryMiB: number, limits: Partial<Size> = {}): Part => ({
  replicas,
  size: { cpuMillis, memoryMiB, ...limits },
});

export const profiles = {
  // 2 CPU, 4 GB: local runs and tests
  tiny: {
    postgres: part(1, 250, 512),
    api: part(1, 150, 208, { memoryLimitMiB: 384 }),
    tlsFront: part(1, 10, 48, { memoryLimitMiB: 128 }),
    worker: part(1, 100, 192, { memoryLimitMiB: 384 }),
    traefik: part(1, 50, 96, { memoryLimitMiB: 192 }),
    migration: part(1, 100, 256),
    keeper: part(1, 10, 32, { memoryLimitMiB: 64 }),
    pgbouncer: part(2, 100, 24, { memoryLimitMiB: 96 }),
    reloader: part(2, 5, 8, { memoryLimitMiB: 32 }),
    // A thread of Dragonfly wants 256 MiB.
    dragonfly: part(1, 50, 256, { memoryLimitMiB: 512 }),
    redisQueue: part(1, 30, 64, { memoryLimitMiB: 192 }),
    redisSignalling: part(1, 20, 32, { memoryLimitMiB: 96 }),
    cacheKeeper: part(3, 10, 16, { memoryLimitMiB: 32 }),
    backup: part(1, 100, 192, { memoryLimitMiB: 320 }),
    backupKeeper: part(1, 10, 16, { memoryLimitMiB: 320 }),
    logStream: part(1, 50, 64, { memoryLimitMiB: 256 }),
    drill: part(1, 100, 384, { memoryLimitMiB: 512 }),
    drillExporter: part(1, 5, 12, { memoryLimitMiB: 64 }),
    maintenance: part(1, 50, 64, { memoryLimitMiB: 128 }),
    prometheus: part(1, 50, 160, { memoryLimitMiB: 384 }),
    alertmanager: part(1, 10, 32, { memoryLimitMiB: 96 }),
    exporter: part(5, 10, 16, { memoryLimitMiB: 64 }),
    nodeExporter: part(1, 10, 16, { memoryLimitMiB: 64 }),
    kubeStateMetrics: part(1, 10, 32, { memoryLimitMiB: 96 }),
    k3s: { cpuMillis: 250, memoryMiB: 1024 },
    system: { cpuMillis: 100, memoryMiB: 384 },
  },
  // 8 GB
  small: {
    postgres: part(1, 500, 1024),
    api: part(1, 250, 512, { memoryLimitMiB: 768 }),
    tlsFront: part(1, 10, 48, { memoryLimitMiB: 128 }),
    worker: part(1, 250, 512, { memoryLimitMiB: 768 }),
    traefik: part(1, 100, 96, { memoryLimitMiB: 256 }),
    migration: part(1, 100, 512),
    keeper: part(1, 10, 32, { memoryLimitMiB: 64 }),
    pgbouncer: part(2, 150, 32, { memoryLimitMiB: 128 }),
    reloader: part(2, 5, 8, { memoryLimitMiB: 32 }),
    dragonfly: part(1, 100, 512, { memoryLimitMiB: 768 }),
    redisQueue: part(1, 100, 256, { memoryLimitMiB: 512 }),
    redisSignalling: part(1, 50, 64, { memoryLimitMiB: 128 }),
    cacheKeeper: part(3, 10, 16, { memoryLimitMiB: 32 }),
    backup: part(1, 200, 256, { memoryLimitMiB: 384 }),
    backupKeeper: part(1, 10, 16, { memoryLimitMiB: 384 }),
    logStream: part(1, 50, 64, { memoryLimitMiB: 256 }),
    drill: part(1, 250, 512, { memoryLimitMiB: 1024 }),
    drillExporter: part(1, 5, 16, { memoryLimitMiB: 64 }),
    maintenance: part(1, 100, 64, { memoryLimitMiB: 256 }),
    prometheus: part(1, 100, 384, { memoryLimitMiB: 768 }),
    alertmanager: part(1, 20, 48, { memoryLimitMiB: 128 }),
    exporter: part(5, 10, 24, { memoryLimitMiB: 64 }),
    nodeExporter: part(1, 20, 32, { memoryLimitMiB: 64 }),
    kubeStateMetrics: part(1, 20, 64, { memoryLimitMiB: 128 }),
    k3s: { cpuMillis: 250, memoryMiB: 1228 },
    system: { cpuMillis: 100, memoryMiB: 512 },
  },
  // 12 GB
  medium: {
    postgres: part(1, 1000, 2048),
    api: part(2, 500, 768, { memoryLimitMiB: 1536, cpuLimitMillis: 2000 }),
    tlsFront: part(2, 10, 48, { memoryLimitMiB: 128 }),
    worker: part(1, 500, 768, { memoryLimitMiB: 1536, cpuLimitMillis: 2000 }),
    traefik: part(1, 100, 128, { memoryLimitMiB: 256 }),
    migration: part(1, 100, 512),
    keeper: part(1, 10, 32, { memoryLimitMiB: 64 }),
    pgbouncer: part(2, 250, 32, { memoryLimitMiB: 128 }),
    reloader: part(2, 5, 8, { memoryLimitMiB: 32 }),
    dragonfly: part(1, 200, 1024, { memoryLimitMiB: 1536 }),
    redisQueue: part(1, 200, 512, { memoryLimitMiB: 1024 }),
    redisSignalling: part(1, 50, 64, { memoryLimitMiB: 192 }),
    cacheKeeper: part(3, 10, 16, { memoryLimitMiB: 32 }),
    backup: part(1, 250, 256, { memoryLimitMiB: 512 }),
    backupKeeper: part(1, 10, 16, { memoryLimitMiB: 512 }),
    logStream: part(1, 50, 64, { memoryLimitMiB: 256 }),
    drill: part(1, 500, 768, { memoryLimitMiB: 2048 }),
    drillExporter: part(1, 5, 16, { memoryLimitMiB: 64 }),
    maintenance: part(1, 100, 64, { memoryLimitMiB: 512 }),
    prometheus: part(1, 200, 768, { memoryLimitMiB: 1536 }),
    alertmanager: part(1, 20, 64, { memoryLimitMiB: 128 }),
    exporter: part(5, 20, 32, { memoryLimitMiB: 96 }),
    nodeExporter: part(1, 20, 32, { memoryLimitMiB: 64 }),
    kubeStateMetrics: part(1, 20, 64, { memoryLimitMiB: 192 }),
    k3s: { cpuMillis: 500, memoryMiB: 1228 },
    system: { cpuMillis: 100, memoryMiB: 512 },
  },
  // 24 GB
  large: {
    postgres: part(1, 1000, 4096),
    api: part(3, 500, 1024, { memoryLimitMiB: 2048, cpuLimitMillis: 2000 }),
    tlsFront: part(3, 10, 48, { memoryLimitMiB: 128 }),
    worker: part(1, 500, 1024, { memoryLimitMiB: 2048, cpuLimitMillis: 2000 }),
    traefik: part(1, 200, 256, { memoryLimitMiB: 512 }),
    migration: part(1, 100, 512),
    keeper: part(1, 10, 32, { memoryLimitMiB: 64 }),
    pgbouncer: part(2, 250, 64, { memoryLimitMiB: 256 }),
    reloader: part(2, 5, 8, { memoryLimitMiB: 32 }),
    dragonfly: part(1, 500, 2048, { memoryLimitMiB: 3072 }),
    redisQueue: part(1, 250, 1024, { memoryLimitMiB: 2048 }),
    redisSignalling: part(1, 100, 128, { memoryLimitMiB: 256 }),
    cacheKeeper: part(3, 10, 16, { memoryLimitMiB: 32 }),
    backup: part(1, 500, 384, { memoryLimitMiB: 768 }),
    backupKeeper: part(1, 10, 16, { memoryLimitMiB: 768 }),
    logStream: part(1, 50, 64, { memoryLimitMiB: 256 }),
    drill: part(1, 500, 1024, { memoryLimitMiB: 4096 }),
    drillExporter: part(1, 5, 16, { memoryLimitMiB: 64 }),
    maintenance: part(1, 250, 128, { memoryLimitMiB: 1024 }),
    prometheus: part(1, 300, 1536, { memoryLimitMiB: 3072 }),
    alertmanager: part(1, 20, 64, { memoryLimitMiB: 192 }),
    exporter: part(5, 20, 32, { memoryLimitMiB: 96 }),
    nodeExporter: part(1, 20, 32, { memoryLimitMiB: 64 }),
    kubeStateMetrics: part(1, 20, 96, { memoryLimitMiB: 256 }),
    k3s: { cpuMillis: 500, memoryMiB: 1536 },
    system: { cpuMillis: 250, memoryMiB: 512 },
  },
} as const satisfies Record<ProfileName, Profile>;

/** What the kubelet keeps back from pods for k3s and the operating system. */
export const systemReserved = (name: ProfileName): Amount => ({
  cpuMillis: profiles[name].k3s.cpuMillis + profiles[name].system.cpuMillis,
  memoryMiB: profiles[name].k3s.memoryMiB + profiles[name].system.memoryMiB,
});

/** The settings that decide what runs. */
export type ProfileChoice = Pick<Settings, "profile"> & {
  readonly app: { readonly apiReplicas?: number | undefined; readonly workerEnabled: boolean };
  readonly data: {
    readonly backup?:
      { readonly wal: "archive" | "stream"; readonly drill: { readonly enabled: boolean } } | undefined;
  };
  readonly monitoring?: object | undefined;
};

/** The profile with the stack's own choices on top: what does not run has no replicas. */
export const chosenProfile = ({ profile, app, data, monitoring }: ProfileChoice): Profile => {
  const base: Profile = profiles[profile];
  const only = (runs: boolean, { replicas, size }: Part): Part => ({ replicas: runs ? replicas : 0, size });
  const watched = (part: Part): Part => only(monitoring !== undefined, part);
  const rehearsed = data.backup?.drill.enabled === true;
  return {
    ...base,
    api: { ...base.api, replicas: app.apiReplicas ?? base.api.replicas },
    tlsFront: { ...base.tlsFront, replicas: app.apiReplicas ?? base.tlsFront.replicas },
    worker: only(app.workerEnabled, base.worker),
    backup: only(data.backup !== undefined, base.backup),
    backupKeeper: only(data.backup !== undefined, base.backupKeeper),
    logStream: only(data.backup?.wal === "stream", base.logStream),
    drill: only(rehearsed, base.drill),
    drillExporter: only(rehearsed && monitoring !== undefined, base.drillExporter),
    prometheus: watched(base.prometheus),
    alertmanager: watched(base.alertmanager),
    exporter: watched(base.exporter),
    nodeExporter: watched(base.nodeExporter),
    kubeStateMetrics: watched(base.kubeStateMetrics),
  };
};
