/** Where the caches' things are, in every image that fits: the official ones, Valkey in place of Redis. */
export const redisLayout = {
  uid: 999,
  /** Of the official Alpine images; their `redis` group. */
  gid: 1000,
  port: 6379,
  metricsPort: 9121,
  /** `redis.conf` and our scripts. */
  configDirectory: "/etc/platform/redis",
  tlsDirectory: "/etc/platform/redis-tls",
  /** `users.acl`: hashes only. */
  aclDirectory: "/etc/platform/redis-acl",
  /** The password of one user in clear; each container sees its own only. */
  passwordDirectory: "/run/platform/redis-password",
  dataDirectory: "/data",
} as const;

export type RedisLayout = {
  readonly [K in keyof typeof redisLayout]: (typeof redisLayout)[K] extends number ? number : string;
};

export const dragonflyLayout = {
  uid: 999,
  gid: 999,
  port: 6379,
  /** Metrics and probes. Everything else on it asks for a password that nobody has. */
  adminPort: 9999,
  configDirectory: "/etc/platform/dragonfly",
  tlsDirectory: "/etc/platform/dragonfly-tls",
  aclDirectory: "/etc/platform/dragonfly-acl",
  passwordDirectory: "/run/platform/dragonfly-password",
  dataDirectory: "/data",
} as const;

/** The layer's Redis instances: jobs of the application, and signalling of the media server. */
export type RedisInstance = "queue" | "signalling";

export const redisService = (instance: RedisInstance): string => `redis-${instance}`;
export const dragonflyService = "dragonfly";

/**
 * What every key of the application begins with, in the cache and in the queue. Two environments, or a cache and a
 * queue that somebody joined, never touch each other's keys.
 */
export const cacheKeyPrefix = (prefix: string): string => `${prefix}:cache:`;
/** BullMQ puts the colon itself. */
export const queueKeyPrefix = (prefix: string): string => `${prefix}:queue`;
