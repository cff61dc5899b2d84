import { atLeast } from "../workload/index.ts";
import { database, roles } from "./layout.ts";
import { pgbouncerLayout } from "./pgbouncerLayout.ts";
import type { PoolerLimits } from "./poolerLimits.ts";

export interface PgbouncerIniArgs {
  /** Name of the database's server as it stands in its certificate. */
  readonly databaseHost: string;
  readonly databasePort: number;
  /** Roles that may come through the pooler. */
  readonly clients: readonly string[];
  readonly limits: PoolerLimits;
  /** Release of PgBouncer, as its image's tag says it. */
  readonly release: string;
}

/** Connections that one process accepts; far above what the application's pods open. */
export const maxClientConnections = 500;

const layout = pgbouncerLayout;
/** AES-GCM only: the NIST-approved ciphers that the breach safe harbour asks for. */
const ciphers = "ECDHE+AESGCM";
const tls13Ciphers = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

/** `pgbouncer.ini`, without any secret. Pure; one setting per line. */
export const renderPgbouncerIni = (args: PgbouncerIniArgs): string =>
  [
    "[databases]",
    // One name: every other database is refused.
    `${database} = host=${args.databaseHost} port=${String(args.databasePort)} dbname=${database}`,
    "",
    "[users]",
    `${roles.pooler} = pool_size=${String(args.limits.lookupPoolSize)}`,
    "",
    "[pgbouncer]",
    ...bootSettings.map(line),
    ...authentication(args.clients).map(line),
    ...tls.map(line),
    ...pools(args).map(line),
    ...patience.map(line),
    ...logging.map(line),
    "",
  ].join("\n");

type Setting = readonly [name: string, value: string | number];
const line = ([name, value]: Setting): string => `${name} = ${String(value)}`;

/** What PgBouncer takes over at its start only: a change has to roll the pods. */
export const bootSettings: readonly Setting[] = [
  ["listen_addr", "*"],
  ["listen_port", layout.port],
  ["unix_socket_dir", layout.socketDirectory],
  // The exporter has another uid, and the pod's group.
  ["unix_socket_mode", "0770"],
];

/**
 * Nobody is in `admin_users`: the console obeys only a process of the same uid in the same pod.
 * The look-up names the roles once more, so that people, migration and backup cannot come through the pooler even if
 * the function answered for them.
 */
const authentication = (clients: readonly string[]): readonly Setting[] => [
  ["auth_type", "scram-sha-256"],
  ["auth_file", `${layout.configDirectory}/userlist.txt`],
  ["auth_user", roles.pooler],
  ["auth_dbname", database],
  [
    "auth_query",
    `SELECT uname, phash FROM pgbouncer.user_lookup($1) WHERE uname IN (${clients.map((name) => `'${name}'`).join(", ")})`,
  ],
  ["stats_users", layout.statsUser],
];

const tls: readonly Setting[] = [
  ["client_tls_sslmode", "require"],
  ["client_tls_cert_file", `${layout.tlsDirectory}/tls.crt`],
  ["client_tls_key_file", `${layout.tlsDirectory}/tls.key`],
  // Clients show no certificate, but without this PgBouncer wants the system's bundle, which an image may lack.
  ["client_tls_ca_file", `${layout.tlsDirectory}/ca.crt`],
  ["client_tls_protocols", "tlsv1.2,tlsv1.3"],
  ["client_tls_ciphers", ciphers],
  ["client_tls13_ciphers", tls13Ciphers],
  ["server_tls_sslmode", "verify-full"],
  ["server_tls_ca_file", `${layout.tlsDirectory}/ca.crt`],
  ["server_tls_protocols", "tlsv1.2,tlsv1.3"],
  ["server_tls_ciphers", ciphers],
  ["server_tls13_ciphers", tls13Ciphers],
];

const pools = ({ limits, release }: PgbouncerIniArgs): readonly Setting[] => [
  ["pool_mode", "transaction"],
  ["max_prepared_statements", 200],
  ["default_pool_size", limits.poolSize],
  // The hard bound, whatever the number of pools: PostgreSQL's max_connections is divided among the processes.
  ["max_db_connections", limits.perProcess],
  ["max_client_conn", maxClientConnections],
  // Drivers send extra_float_digits, which changes nothing here. Before 1.26.1 the refusal of unknown "options" can be
  // made to loop for ever (CVE-2026-107349): there they are ignored.
  [
    "ignore_startup_parameters",
    atLeast(release, "1.26.1") ? "extra_float_digits" : "extra_float_digits, options",
  ],
  // As much as one value of PostgreSQL can hold; without a bound a stranger could make releases before 1.26 hang.
  ["max_packet_size", 2 ** 30 - 1],
];

/** Seconds, except tcp_user_timeout (milliseconds). */
const patience: readonly Setting[] = [
  // After a restart of the database the next try comes at once, not after 15 s.
  ["server_login_retry", 1],
  ["server_connect_timeout", 5],
  ["server_idle_timeout", 600],
  ["server_lifetime", 3600],
  ["query_wait_timeout", 30],
  ["client_login_timeout", 15],
  // A name that could not be looked up while the cluster's DNS was away.
  ["dns_nxdomain_ttl", 2],
  // A peer that went without a word is noticed within 30 s.
  ["tcp_keepidle", 15],
  ["tcp_keepintvl", 5],
  ["tcp_keepcnt", 3],
  ["tcp_user_timeout", 30_000],
];

/** Who logged in and left, never a statement. Statistics go to the metrics. */
const logging: readonly Setting[] = [
  ["log_connections", 1],
  ["log_disconnections", 1],
  ["log_pooler_errors", 1],
  ["log_stats", 0],
];
