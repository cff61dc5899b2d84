import { appFlows, appLayout } from "../components/app/index.ts";
import { postgresFlows, postgresPort } from "../components/data/index.ts";
import { edgeFlows } from "../components/ingress/index.ts";
import type { FlowDeclaration } from "../components/workload/index.ts";
import type { PlatformConfig } from "./config.ts";

/** Every flow of the stack: one list for policies, tests and the inventory. */
export const platformFlows = (
  config: Pick<PlatformConfig, "prefix" | "app" | "cluster">,
): readonly FlowDeclaration[] => [
  postgresFlows(config.prefix),
  ...appFlows({ prefix: config.prefix, workerEnabled: config.app.workerEnabled, database: postgresPort }),
  ...(config.cluster.source === "own" ? [edgeFlows(config.prefix, appLayout.apiPort)] : []),
];
