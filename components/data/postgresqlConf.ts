import { dataDirectory, roles, type PostgresLayout } from "./layout.ts";

export interface PostgresqlConfArgs {
  readonly layout: PostgresLayout;
  /** Memory limit of the container, MiB. */
  readonly memoryMiB: number;
  readonly maxConnections: number;
  /** Size of the write-ahead log's volume, GiB. */
  readonly walGiB: number;
  /** A library that the image lacks stops the server, so the list follows the image. */
  readonly pgaudit: boolean;
  /** From the archive. @default archiving is off */
  readonly archiveLines?: readonly string[] | undefined;
}

/** `postgresql.conf` for one node with local SSD. Pure; one setting per line. */
export const renderPostgresqlConf = (args: PostgresqlConfArgs): string =>
  [
    ...places(args.layout),
    ...connections(args),
    ...memory(args),
    ...writeAheadLog(args),
    ...logging(args.pgaudit),
    "",
  ].join("\n");

const places = (layout: PostgresLayout): readonly string[] => [
  `data_directory = '${dataDirectory(layout)}'`,
  `hba_file = '${layout.configDirectory}/pg_hba.conf'`,
  `ident_file = '${layout.configDirectory}/pg_ident.conf'`,
  `unix_socket_directories = '${layout.socketDirectory}'`,
  // All configuration is here; ALTER SYSTEM would be drift that nobody sees.
  "allow_alter_system = off",
  "timezone = 'UTC'",
  "",
];

const connections = ({ layout, maxConnections }: PostgresqlConfArgs): readonly string[] => [
  "listen_addresses = '*'",
  `port = ${String(layout.port)}`,
  `max_connections = ${String(maxConnections)}`,
  "password_encryption = 'scram-sha-256'",
  "ssl = on",
  `ssl_cert_file = '${layout.tlsDirectory}/tls.crt'`,
  `ssl_key_file = '${layout.tlsDirectory}/tls.key'`,
  "ssl_min_protocol_version = 'TLSv1.2'",
  // AES-GCM only: the NIST-approved ciphers that the breach safe harbour asks for.
  "ssl_ciphers = 'ECDHE+AESGCM'",
  "ssl_tls13_ciphers = 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256'",
  "idle_in_transaction_session_timeout = '60s'",
  "",
];

/** Shares of the container's limit; what is left is for connections (about 2 MiB each), sorts and the page cache. */
const memory = ({ memoryMiB, maxConnections }: PostgresqlConfArgs): readonly string[] => [
  `shared_buffers = '${String(Math.floor(memoryMiB / 4))}MB'`,
  `effective_cache_size = '${String(Math.floor((memoryMiB * 6) / 10))}MB'`,
  // Of every sort and hash; all connections sorting at once stay within a quarter.
  `work_mem = '${String(Math.max(1, Math.floor(memoryMiB / 4 / maxConnections)))}MB'`,
  `maintenance_work_mem = '${String(Math.max(16, Math.floor(memoryMiB / 16)))}MB'`,
  `autovacuum_work_mem = '${String(Math.max(16, Math.floor(memoryMiB / 32)))}MB'`,
  // One local NVMe disk: a random read costs little more than a sequential one, and many can be under way.
  "random_page_cost = 1.1",
  "effective_io_concurrency = 64",
  "maintenance_io_concurrency = 64",
  "",
];

const writeAheadLog = ({ walGiB, archiveLines }: PostgresqlConfArgs): readonly string[] => {
  // In normal work well below the level at which the application turns read-only, and from which it comes back.
  const maxWalMiB = Math.min(2048, walGiB * 384);
  return [
    "wal_level = 'replica'",
    "wal_compression = 'zstd'",
    // Few, long checkpoints: each one makes the next write of a page a full one.
    "checkpoint_timeout = '15min'",
    "checkpoint_completion_target = 0.9",
    `max_wal_size = '${String(maxWalMiB)}MB'`,
    `min_wal_size = '${String(Math.floor(maxWalMiB / 4))}MB'`,
    // A base backup and the stream of the log, each with one to spare.
    "max_wal_senders = 4",
    "max_replication_slots = 4",
    // A receiver that is gone must not fill the volume: beyond this its slot is given up, and it starts anew.
    `max_slot_wal_keep_size = '${String(walGiB * 512)}MB'`,
    ...(archiveLines ?? ["archive_mode = off"]),
    "",
  ];
};

/** Patient data must not reach the log: no statement with literals, no parameters, no DETAIL lines with column values. */
const logging = (pgaudit: boolean): readonly string[] => [
  "logging_collector = off",
  // Who logged in. Not "receipt": each probe would write a line.
  "log_connections = 'authentication,authorization'",
  "log_disconnections = on",
  "log_line_prefix = '%m [%p] %q%u@%d %a %h %e '",
  "log_timezone = 'UTC'",
  "log_error_verbosity = 'terse'",
  "log_min_error_statement = 'panic'",
  "log_parameter_max_length = 0",
  "log_parameter_max_length_on_error = 0",
  "log_min_duration_statement = -1",
  "log_lock_waits = off",
  "log_checkpoints = on",
  `shared_preload_libraries = 'pg_stat_statements${pgaudit ? ",pgaudit" : ""}'`,
  // Utility statements are kept word for word, passwords included.
  "pg_stat_statements.track_utility = off",
  ...(pgaudit ? audit : ["log_statement = 'ddl'"]),
];

/** One line per audited table that a statement touches: who, when, what kind; never the statement or its parameters. */
const audit: readonly string[] = [
  `pgaudit.role = '${roles.auditor}'`,
  "pgaudit.log_parameter = off",
  "pgaudit.log_statement = off",
  "pgaudit.log_catalog = off",
  // Beside the tables: changes of structure, roles and rights.
  "pgaudit.log = 'ddl,role'",
];
