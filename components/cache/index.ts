export { CacheCleanup, cacheCleanupFlows, type CacheCleanupArgs } from "./CacheCleanup.ts";
export { Dragonfly, type DragonflyArgs } from "./Dragonfly.ts";
export { dragonflyFlows, dragonflyPort, dragonflyScrape } from "./dragonflyFlows.ts";
export { Redis, type RedisArgs } from "./Redis.ts";
export type { RedisClient } from "./redisUsers.ts";
export { redisFlows, redisPort, redisScrape } from "./redisFlows.ts";
export { cacheKeyPrefix, queueKeyPrefix, type RedisInstance } from "./layout.ts";
