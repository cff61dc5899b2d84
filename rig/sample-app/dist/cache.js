// Read-through cache. Whatever is wrong with it, the answer comes from the source: later, never another one.
import { Redis } from "ioredis";
import { errorCode, log } from "./log.js";
import { redisOptions } from "./redis.js";

/** A cache that does not answer in this time is passed by. */
const PATIENCE_MS = 500;

/** Opens the cache; without settings everything comes from its source. */
export function openCache(access) {
  if (access === undefined) return throughCache(undefined);
  // Commands fail at once while there is no connection; waiting would make the API as dead as the cache.
  const client = new Redis(redisOptions(access, { keyPrefix: access.keyPrefix, enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: PATIENCE_MS }));
  let up;
  const tell = (now, code) => {
    if (now !== up) log("info", now ? "cache-connected" : "cache-lost", code === undefined ? {} : { code });
    up = now;
  };
  client.on("ready", () => tell(true));
  client.on("error", (error) => tell(false, errorCode(error)));
  client.on("close", () => tell(false));
  return throughCache(client);
}

/** @param {{ get: Function, set: Function, del: Function, ping: Function, disconnect: Function } | undefined} client */
export function throughCache(client) {
  return {
    /** The value of `key`, from the cache or else from `load`, and where it came from. Values are plain data. */
    async read(key, seconds, load) {
      const found = await attempt(() => client?.get(key));
      if (typeof found === "string") return { value: JSON.parse(found), cached: true };
      const value = await load();
      await attempt(() => client?.set(key, JSON.stringify(value), "EX", seconds));
      return { value, cached: false };
    },
    /** Forgets what has changed. An entry that could not be dropped lives on until its time is over. */
    drop: (...keys) => attempt(() => client?.del(...keys)),
    async status() {
      if (client === undefined) return "off";
      return (await attempt(() => client.ping())) === "PONG" ? "up" : "down";
    },
    end: () => client?.disconnect(),
  };
}

async function attempt(action) {
  try {
    return await action();
  } catch {
    return undefined; // said once, when the connection was lost
  }
}
