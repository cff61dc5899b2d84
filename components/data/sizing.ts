/** Pure numbers of the database that config, budget and components agree on. */

/** `max_connections`: who may hold how many of them stands in poolerLimits.ts. */
export const maxConnections = 100;

/** GiB of the write-ahead log's volume: room for a log that cannot be archived for a while, without eating a small disk. */
export const defaultWalGiB = (storageGiB: number): number =>
  Math.min(8, Math.max(2, Math.ceil(storageGiB / 4)));
