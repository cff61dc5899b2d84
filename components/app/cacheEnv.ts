import type * as pulumi from "@pulumi/pulumi";
import { fromSecret, value, type EnvVar } from "../workload/index.ts";
import { appLayout } from "./layout.ts";

/** How the application reaches the cache, or its queues. */
export interface CacheAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** What every key begins with. */
  readonly keyPrefix: string;
  readonly password: pulumi.Output<string>;
}

/** The names under which the application knows its cache and its queues: the one table to edit. */
const names = {
  cache: {
    host: "DRAGONFLY_HOST",
    port: "DRAGONFLY_PORT",
    user: "DRAGONFLY_USERNAME",
    password: "DRAGONFLY_PASSWORD",
    keyPrefix: "DRAGONFLY_KEY_PREFIX",
    caFile: "DRAGONFLY_TLS_CA_FILE",
  },
  queue: {
    host: "REDIS_HOST",
    port: "REDIS_PORT",
    user: "REDIS_USERNAME",
    password: "REDIS_PASSWORD",
    keyPrefix: "REDIS_PREFIX",
    caFile: "REDIS_TLS_CA_FILE",
  },
} as const;

export type CacheRole = keyof typeof names;

/** The key of the Secret that holds the password, which is also its name in the environment. */
export const passwordName = (role: CacheRole): string => names[role].password;

/** Environment for one of the two; the password comes from `secret`. */
const accessEnv = (
  role: CacheRole,
  access: Omit<CacheAccess, "password">,
  secret: pulumi.Input<string>,
): readonly EnvVar[] => {
  const name = names[role];
  return [
    value(name.host, access.host),
    value(name.port, String(access.port)),
    value(name.user, access.user),
    fromSecret(name.password, { secretName: secret, key: name.password }),
    value(name.keyPrefix, access.keyPrefix),
    value(name.caFile, appLayout.caFile),
  ];
};

/** Environment for cache and queues; TLS is verified with the CA file of the pod. */
export const cacheEnv = (
  access: Readonly<Record<CacheRole, Omit<CacheAccess, "password">>>,
  secret: pulumi.Input<string>,
): readonly EnvVar[] => [
  value("CACHE_PROVIDER", "dragonfly"),
  ...accessEnv("cache", access.cache, secret),
  ...accessEnv("queue", access.queue, secret),
];
