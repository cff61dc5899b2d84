/** Who may hold how many connections of the database at once. Pure. */

export interface PoolerLimitsArgs {
  /** `max_connections` of PostgreSQL. */
  readonly maxConnections: number;
  /** Pods of PgBouncer. */
  readonly replicas: number;
  /** People with a login of their own; they connect directly. */
  readonly readers: number;
}

export interface PoolerLimits {
  /** Connections of one process for one login (database, user). */
  readonly poolSize: number;
  /** Connections of one process for its own look-ups of verifiers. */
  readonly lookupPoolSize: number;
  /** Connections of one process, whoever asks. */
  readonly perProcess: number;
  /** Processes at once while all pods are replaced: the old ones drain, the new ones serve. */
  readonly processes: number;
}

export interface ConnectionShare {
  readonly holder: string;
  readonly connections: number;
}

/** Beside the pooler. Connections of wal receivers and base backups over the replication protocol do not count. */
const direct: readonly ConnectionShare[] = [
  { holder: "reserved for the superuser (keeper, emergencies)", connections: 3 },
  { holder: "migration", connections: 2 },
  { holder: "metrics", connections: 3 },
  { holder: "backup and its checks", connections: 3 },
  { holder: "maintenance jobs", connections: 3 },
];
/** A query tool opens a second one. */
const perReader = 2;
/** Room for readers that are added later, so that the pools do not change with the first ones. */
const readersAtLeast = 3;
const lookupPoolSize = 2;
/** Below this a handful of slow queries stops everybody. */
const smallestPool = 4;

const sum = (shares: readonly ConnectionShare[]): number =>
  shares.reduce((total, { connections }) => total + connections, 0);

const directShares = (readers: number): readonly ConnectionShare[] => [
  ...direct,
  { holder: "people", connections: perReader * Math.max(readers, readersAtLeast) },
];

/**
 * What PgBouncer may take of the database's connections. Two thirds of a process' share go to one login, so that the
 * other of the two logins is never starved while the application changes from one to the other.
 */
export const poolerLimits = (args: PoolerLimitsArgs): PoolerLimits => {
  const processes = 2 * args.replicas;
  const left = args.maxConnections - sum(directShares(args.readers));
  const perProcess = Math.max(0, Math.floor(left / processes));
  return {
    poolSize: Math.max(0, Math.floor(((perProcess - lookupPoolSize) * 2) / 3)),
    lookupPoolSize,
    perProcess,
    processes,
  };
};

/** Every holder of connections; the sum is at most `maxConnections` unless `connectionProblem` says otherwise. */
export const connectionShares = (args: PoolerLimitsArgs): readonly ConnectionShare[] => {
  const { perProcess, processes } = poolerLimits(args);
  return [
    ...directShares(args.readers),
    {
      holder: `PgBouncer, ${String(processes)} processes during a rollout`,
      connections: perProcess * processes,
    },
  ];
};

/** What is wrong with the sum of connections, or undefined. */
export const connectionProblem = (args: PoolerLimitsArgs): string | undefined => {
  const { poolSize } = poolerLimits(args);
  if (poolSize >= smallestPool) return undefined;
  const table = connectionShares(args)
    .map(({ holder, connections }) => `${holder}: ${String(connections)}`)
    .join("; ");
  return `data.postgres.readers: with ${String(args.readers)} readers PgBouncer is left with pools of ${String(poolSize)} connections, at least ${String(smallestPool)} are needed; of max_connections ${String(args.maxConnections)} there go: ${table}; remove readers`;
};
