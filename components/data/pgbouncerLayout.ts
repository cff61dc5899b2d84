/** Where PgBouncer's things are. Its program is found on PATH: images disagree on the directory. */
export const pgbouncerLayout = {
  uid: 70,
  port: 6432,
  metricsPort: 9127,
  /** User of the metrics exporter, as its image has it. */
  exporterUid: 65534,
  configDirectory: "/etc/platform/pgbouncer",
  scriptDirectory: "/etc/platform/pgbouncer-scripts",
  tlsDirectory: "/etc/platform/pgbouncer-tls",
  /** Shared by the containers of the pod: whoever has PgBouncer's own uid may administer it here, without a password. */
  socketDirectory: "/run/pgbouncer",
  /** Reads statistics on the console. */
  statsUser: "pgbouncer_stats",
  /** The name that PgBouncer knows for itself. */
  consoleUser: "pgbouncer",
  consoleDatabase: "pgbouncer",
} as const;

export type PgBouncerLayout = {
  readonly [K in keyof typeof pgbouncerLayout]: (typeof pgbouncerLayout)[K] extends number ? number : string;
};
