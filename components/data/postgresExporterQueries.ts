import { stringify } from "yaml";
import { roles } from "./layout.ts";

type Usage = "COUNTER" | "GAUGE" | "LABEL";

interface Column {
  readonly name: string;
  readonly usage: Usage;
  readonly description: string;
}

interface Query {
  /** First part of the metric's name; the column is the second. */
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly Column[];
}

const gauge = (name: string, description: string): Column => ({ name, usage: "GAUGE", description });
const counter = (name: string, description: string): Column => ({ name, usage: "COUNTER", description });
const label = (name: string, description: string): Column => ({ name, usage: "LABEL", description });

const archiver: Query = {
  name: "platform_archiver",
  // Before the first success the server's own start counts.
  sql: `SELECT archived_count AS archived_total, failed_count AS failed_total,
  (coalesce(last_failed_time, '-infinity') > coalesce(last_archived_time, '-infinity'))::int AS failing,
  extract(epoch FROM clock_timestamp() - coalesce(last_archived_time, pg_postmaster_start_time())) AS last_archived_age_seconds
FROM pg_stat_archiver`,
  columns: [
    counter("archived_total", "Pieces of the write-ahead log that were archived."),
    counter("failed_total", "Attempts to archive one that failed."),
    gauge("failing", "1 when the last attempt failed."),
    gauge("last_archived_age_seconds", "Since the last success, or the server's start."),
  ],
};

const wal = (limitGiB: number): Query => ({
  name: "platform_wal",
  sql: `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS position_bytes,
  (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()) AS bytes,
  ${String(limitGiB)}::bigint * 1024 * 1024 * 1024 AS limit_bytes,
  (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') AS waiting_segments,
  (SELECT count(*) FROM pg_stat_replication
    WHERE usename = '${roles.backup}' AND application_name = 'pg_receivewal' AND state = 'streaming') AS streams,
  (SELECT count(*) FROM platform.wal_bound WHERE read_only) AS application_read_only`,
  columns: [
    gauge("position_bytes", "How far the log has been written."),
    gauge("bytes", "What the log takes on its volume."),
    gauge("limit_bytes", "The size of that volume."),
    gauge("waiting_segments", "Pieces that are not archived yet."),
    gauge("streams", "Receivers that get the log while it is being written."),
    gauge("application_read_only", "1 while the application may only read."),
  ],
});

/** The exporter and what runs by schedule are left out: a backup may take hours. */
const sessions: Query = {
  name: "platform_sessions",
  sql: `SELECT count(*) AS used,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS "limit",
  coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)
    FILTER (WHERE usename NOT IN ('${roles.backup}', '${roles.maintenance}') AND pid <> pg_backend_pid())), 0)
    AS longest_transaction_seconds,
  count(*) FILTER (WHERE usename = 'postgres' AND application_name <> 'platform-keeper') AS superuser
FROM pg_stat_activity WHERE backend_type = 'client backend'`,
  columns: [
    gauge("used", "Connections of clients."),
    gauge("limit", "As many there can be."),
    gauge("longest_transaction_seconds", "Age of the oldest open transaction."),
    gauge("superuser", "Sessions of the superuser that are not the keeper's."),
  ],
};

const checksums: Query = {
  name: "platform_checksum",
  sql: `SELECT coalesce(datname, 'shared') AS datname, coalesce(checksum_failures, 0) AS failures FROM pg_stat_database`,
  columns: [
    label("datname", "The database; shared for what belongs to all."),
    counter("failures", "Pages that did not match their checksum."),
  ],
};

const xids: Query = {
  name: "platform_xid",
  sql: `SELECT datname, greatest(age(datfrozenxid), mxid_age(datminmxid)) AS age FROM pg_database WHERE datallowconn`,
  columns: [
    label("datname", "The database."),
    gauge("age", "Transactions since the oldest one that is not frozen."),
  ],
};

/** Written by the server's keeper every other second. */
const heartbeat: Query = {
  name: "platform_heartbeat",
  sql: `SELECT extract(epoch FROM clock_timestamp() - at) AS age_seconds FROM platform.heartbeat`,
  columns: [gauge("age_seconds", "Since the database last took a write.")],
};

/**
 * `queries.yaml` of postgres_exporter: what the alerts ask, and nothing that a person typed (no query text, no table
 * names). Of our own, because the names of the exporter's collectors change between its versions.
 * @param walGiB size of the volume of the write-ahead log
 */
export const renderExporterQueries = (walGiB: number): string =>
  stringify(
    Object.fromEntries(
      [archiver, wal(walGiB), sessions, checksums, xids, heartbeat].map(({ name, sql, columns }) => [
        name,
        {
          query: sql,
          metrics: columns.map((column) => ({
            [column.name]: { usage: column.usage, description: column.description },
          })),
        },
      ]),
    ),
    { lineWidth: 0 },
  );
