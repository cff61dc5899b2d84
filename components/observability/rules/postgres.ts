import type { RuleGroup } from "./types.ts";

/** The database itself: does it answer, and does it hold. */
export const postgresRules: RuleGroup = {
  name: "postgres",
  alerts: [
    {
      name: "PostgresDown",
      // The exporter answers also when the database does not; absent() covers an exporter that is gone as well.
      expr: "max by (job) (pg_up) == 0 or absent(pg_up)",
      holds: "1m",
      severity: "critical",
      summary: "PostgreSQL does not answer, or nobody can tell whether it does.",
    },
    {
      name: "DatabaseTakesNoWrites",
      // The keeper beside the server writes every other second, unless the log has no room.
      expr: "max by (job) (platform_heartbeat_age_seconds) > 60",
      holds: "1m",
      severity: "critical",
      summary: "The database has not taken a write for {{ $value | humanizeDuration }}.",
    },
    {
      name: "ChecksumFailure",
      expr: "max by (datname) (platform_checksum_failures) > 0",
      severity: "critical",
      summary:
        "A page of database {{ $labels.datname }} does not match its checksum: the data on disk is damaged.",
    },
    {
      name: "XidAge",
      expr: "max by (datname) (platform_xid_age) > 300e6",
      holds: "10m",
      severity: "high",
      summary:
        "The oldest transaction id of {{ $labels.datname }} is {{ $value | humanize }} transactions old: vacuum does not keep up.",
    },
    {
      name: "LongTransaction",
      expr: "max by (job) (platform_sessions_longest_transaction_seconds) > 300",
      holds: "1m",
      severity: "high",
      summary:
        "A transaction has been open for {{ $value | humanizeDuration }}: it holds back vacuum and perhaps locks.",
    },
    {
      name: "ConnectionSaturation",
      expr: "max by (job) (platform_sessions_used) / max by (job) (platform_sessions_limit) > 0.8",
      holds: "5m",
      severity: "high",
      summary: "{{ $value | humanizePercentage }} of PostgreSQL's connections are in use.",
    },
    {
      name: "SuperuserSession",
      // Nothing of the platform logs in as the superuser but the keeper; what a superuser does cannot be audited.
      expr: "max by (job) (platform_sessions_superuser) > 0",
      holds: "1m",
      severity: "critical",
      summary: "Somebody works in the database as its superuser, who sees everything and is not audited.",
    },
    {
      name: "WalVolumeFilling",
      expr: "max by (job) (platform_wal_bytes) / max by (job) (platform_wal_limit_bytes) > 0.6",
      holds: "2m",
      severity: "high",
      summary:
        "The write-ahead log fills {{ $value | humanizePercentage }} of its volume; at 80 % the application becomes read-only.",
    },
    {
      name: "ApplicationReadOnly",
      expr: "max by (job) (platform_wal_application_read_only) > 0",
      severity: "critical",
      summary: "The application's database role is read-only, because the write-ahead log reached its bound.",
    },
  ],
};
