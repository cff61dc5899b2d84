import {
  flowId,
  labels,
  scrapeTarget,
  type FlowDeclaration,
  type Labels,
  type ScrapeTarget,
} from "../workload/index.ts";
import { redisLayout, redisService, type RedisInstance } from "./layout.ts";

export const redisLabels = (prefix: string, instance: RedisInstance): Labels =>
  labels({ prefix, app: redisService(instance), component: "cache" });

/** What an instance listens on, known before anything exists. */
export const redisFlows = (prefix: string, instance: RedisInstance, metrics: boolean): FlowDeclaration => ({
  layer: "cache",
  workload: redisService(instance),
  selector: redisLabels(prefix, instance).selector,
  listens: [
    { name: "redis", port: redisLayout.port, encrypted: true, carriesPhi: instance === "queue" },
    ...(metrics
      ? [{ name: "metrics", port: redisLayout.metricsPort, encrypted: false, carriesPhi: false }]
      : []),
  ],
  calls: [],
});

/** `{ workload, port }` for those who call it. */
export const redisPort = (instance: RedisInstance): { readonly workload: string; readonly port: string } => ({
  workload: flowId({ layer: "cache", workload: redisService(instance) }),
  port: "redis",
});

export const redisScrape = (prefix: string, instance: RedisInstance): ScrapeTarget =>
  scrapeTarget(redisFlows(prefix, instance, true), { job: redisService(instance), port: "metrics" });
