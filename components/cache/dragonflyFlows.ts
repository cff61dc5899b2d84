import {
  flowId,
  labels,
  scrapeTarget,
  type FlowDeclaration,
  type Labels,
  type ScrapeTarget,
} from "../workload/index.ts";
import { dragonflyLayout, dragonflyService } from "./layout.ts";

export const dragonflyLabels = (prefix: string): Labels =>
  labels({ prefix, app: dragonflyService, component: "cache" });

/** What the cache listens on, known before anything exists. */
export const dragonflyFlows = (prefix: string): FlowDeclaration => ({
  layer: "cache",
  workload: dragonflyService,
  selector: dragonflyLabels(prefix).selector,
  listens: [
    { name: "redis", port: dragonflyLayout.port, encrypted: true, carriesPhi: true },
    // Nobody calls it but monitoring; the node's probes need no rule.
    { name: "metrics", port: dragonflyLayout.adminPort, encrypted: false, carriesPhi: false },
  ],
  calls: [],
});

/** `{ workload, port }` for those who call it. */
export const dragonflyPort = {
  workload: flowId({ layer: "cache", workload: dragonflyService }),
  port: "redis",
} as const;

export const dragonflyScrape = (prefix: string): ScrapeTarget =>
  scrapeTarget(dragonflyFlows(prefix), { job: dragonflyService, port: "metrics" });
