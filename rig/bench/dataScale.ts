/** What the data layer is measured with. */
export const dataScale = {
  rounds: 5,
  /** pgbench's scale: 100,000 accounts each, about 15 MiB. */
  pgbench: 20,
  /** Beside it, bytes that do not compress: a restore of pgbench's blanks alone would measure the decompressor. */
  documentsMiB: 30,
  clients: 8,
  /** More than both poolers together have connections of the database, so that some wait for one. */
  manyClients: 48,
  /** Read-write transactions that are begun each second where their latency counts: less than half of what saturates two cores. */
  pacedPerSecond: 400,
  /** Seconds of each run that counts. */
  seconds: 8,
  /** Seconds of the run after a restart that does not. */
  warmSeconds: 2,
  /** Long enough for two pieces of the log that only time finishes. */
  archiveSeconds: 130,
  streamSeconds: 60,
  /** What Contabo documents for its object storage: 10 MB/s, in Mbit. */
  storeMbit: 80,
  /** As many at once as the platform tells wal-g. */
  downloads: 4,
  uploads: 2,
} as const;
