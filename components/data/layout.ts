/** Where PostgreSQL's things are: the official image, CloudNativePG's and our own agree on these. */
export const postgresLayout = {
  /** Part of the data path, so that another major never starts an empty cluster beside the old one unnoticed. */
  major: 18,
  uid: 999,
  port: 5432,
  binDirectory: "/usr/lib/postgresql/18/bin",
  /** Mount of the data volume. */
  dataRoot: "/var/lib/postgresql",
  /** Mount of the write-ahead log's own volume. */
  walRoot: "/var/lib/postgresql-wal",
  configDirectory: "/etc/platform/postgres",
  tlsDirectory: "/etc/platform/postgres-tls",
  passwordDirectory: "/run/platform/postgres-passwords",
  socketDirectory: "/var/run/postgresql",
} as const;

export type PostgresLayout = {
  readonly [K in keyof typeof postgresLayout]: (typeof postgresLayout)[K] extends number ? number : string;
};

export const dataDirectory = (layout: PostgresLayout): string =>
  `${layout.dataRoot}/${String(layout.major)}/docker`;
/** Exists once roles and database have been applied since the pod started; readiness waits for it. */
export const provisionedMarker = (layout: PostgresLayout): string => `${layout.socketDirectory}/.provisioned`;

/** The application's database and the roles beside the superuser, who cannot log in from the network. */
export const database = "userdb";
export const roles = {
  /** Owns the schema; used by the migration Job only. */
  migration: "migration",
  /** Group with read and write on tables, no DDL. Cannot log in. */
  dml: "app_dml",
  /** The API's and worker's login. The letter leaves room for a second one, so that passwords can change without a gap. */
  app: "app_a",
  /** Reads statistics. */
  monitor: "monitor",
} as const;
export type LoginRole = "migration" | "app" | "monitor";
export const loginRoles = ["migration", "app", "monitor"] as const satisfies readonly LoginRole[];

export const extensions = ["pg_stat_statements", "pg_trgm", "btree_gin", "btree_gist", "uuid-ossp"] as const;
