import {
  CacheCleanup,
  cacheKeyPrefix,
  Dragonfly,
  queueKeyPrefix,
  Redis,
  type RedisClient,
  type RedisInstance,
} from "../../components/cache/index.ts";
import type { Build, Ground } from "./build.ts";

export interface Caches {
  readonly dragonfly: Dragonfly;
  readonly queue: Redis;
  /** For the media server: on the host's network, it must not reach the queues. */
  readonly signalling: Redis;
}

/** Cache, job queues, signalling of the media server. */
export const createCaches = (build: Build, ground: Ground): Caches => {
  const dragonfly = createDragonfly(build, ground);
  createCleanup(build, ground, dragonfly);
  const { config } = build;
  return {
    dragonfly,
    queue: createRedis(build, ground, "queue", {
      user: "app",
      password: config.secrets.queueAppPassword,
      keys: [`${queueKeyPrefix(config.prefix)}:*`],
      channels: ["*"],
    }),
    signalling: createRedis(build, ground, "signalling", {
      user: "video",
      password: config.secrets.signallingVideoPassword,
      // The media server's keys have no prefix; it is alone here.
      keys: ["*"],
      channels: ["*"],
    }),
  };
};

const createDragonfly = (
  { name, config, profile, image, authority, opts }: Build,
  ground: Ground,
): Dragonfly =>
  new Dragonfly(
    `${name}-dragonfly`,
    {
      prefix: config.prefix,
      ...ground.namespace("cache"),
      image: image("dragonfly"),
      clientImage: image("redis"),
      size: profile.dragonfly.size,
      keeperSize: profile.cacheKeeper.size,
      priorityClass: ground.defaults.priorityClasses.cache,
      keyPrefix: cacheKeyPrefix(config.prefix),
      appPassword: config.secrets.cacheAppPassword,
      authority,
      rotation: config.cache.dragonfly.rotation,
    },
    { ...opts, dependsOn: ground.ready },
  );

const createCleanup = (
  { name, config, profile, image, opts }: Build,
  ground: Ground,
  dragonfly: Dragonfly,
): CacheCleanup =>
  new CacheCleanup(
    `${name}-cache-cleanup`,
    {
      prefix: config.prefix,
      namespace: ground.namespace("cache").namespace,
      clientImage: image("redis"),
      host: dragonfly.endpoint.host,
      keyPrefix: cacheKeyPrefix(config.prefix),
      password: dragonfly.cleanup.password,
      tlsSecret: dragonfly.cleanup.tlsSecret,
      priorityClass: ground.defaults.priorityClasses.jobs,
      size: profile.maintenance.size,
    },
    { ...opts, dependsOn: ground.ready },
  );

const createRedis = (
  { name, config, profile, image, authority, opts }: Build,
  ground: Ground,
  instance: RedisInstance,
  client: RedisClient,
): Redis => {
  const { redis } = config.cache;
  return new Redis(
    `${name}-redis-${instance}`,
    {
      prefix: config.prefix,
      ...ground.namespace("cache"),
      instance,
      image: image("redis"),
      size: (instance === "queue" ? profile.redisQueue : profile.redisSignalling).size,
      keeperSize: profile.cacheKeeper.size,
      exporter:
        config.monitoring === undefined
          ? undefined
          : { image: image("redisExporter"), size: profile.exporter.size },
      storageGiB: instance === "queue" ? redis.queueStorageGiB : redis.signallingStorageGiB,
      storageClass: ground.defaults.storageClass,
      priorityClass: ground.defaults.priorityClasses.cache,
      client,
      metricsPassword: config.secrets.redisMetricsPassword,
      probePassword: config.secrets.redisProbePassword,
      authority,
      rotation: redis.rotation,
    },
    { ...opts, dependsOn: ground.ready },
  );
};
