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
  /** Apart from the configuration: a change here is applied by the running server. */
  rolesDirectory: "/etc/platform/postgres-roles",
  tlsDirectory: "/etc/platform/postgres-tls",
  passwordDirectory: "/run/platform/postgres-passwords",
  socketDirectory: "/var/run/postgresql",
} as const;

export type PostgresLayout = {
  readonly [K in keyof typeof postgresLayout]: (typeof postgresLayout)[K] extends number ? number : string;
};

export const dataDirectory = (layout: PostgresLayout): string =>
  `${layout.dataRoot}/${String(layout.major)}/docker`;
export const walDirectory = (layout: PostgresLayout): string => `${layout.walRoot}/${String(layout.major)}`;
/** Exists once roles and database have been applied since the pod started; readiness waits for it. */
export const provisionedMarker = (layout: PostgresLayout): string => `${layout.socketDirectory}/.provisioned`;

/** The application's database and the roles beside the superuser, who cannot log in from the network. */
export const database = "userdb";
export const roles = {
  /** Owns the schema; used by the migration Job only. */
  migration: "migration",
  /** Group with read and write on tables, no DDL. Cannot log in. */
  dml: "app_dml",
  /** The two logins of API and worker. One is in use while the password of the other changes. */
  appA: "app_a",
  appB: "app_b",
  /** Looks up the verifiers of the two for PgBouncer, and nothing else. */
  pooler: "pgbouncer_auth",
  /** Starts and ends base backups. */
  backup: "backup",
  /** Reads statistics. */
  monitor: "monitor",
  /** Vacuums, analyzes and checks every table. */
  maintenance: "maintenance",
  /** What it is granted is audited. Cannot log in. */
  auditor: "auditor",
  /** Group with read on tables, for people; each has a login of their own in it. Cannot log in. */
  reader: "reader",
} as const;

/** Roles that log in with a password from config. The password's key in the Secret is the role's name. */
export const loginRoles = [
  roles.migration,
  roles.appA,
  roles.appB,
  roles.pooler,
  roles.backup,
  roles.monitor,
  roles.maintenance,
] as const;
export type LoginRole = (typeof loginRoles)[number];

/** The login that the application uses. */
export const appRole = (active: "a" | "b"): "app_a" | "app_b" => (active === "a" ? roles.appA : roles.appB);

export const extensions = ["pg_stat_statements", "pg_trgm", "btree_gin", "btree_gist", "uuid-ossp"] as const;
