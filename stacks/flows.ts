import { appFlows, appLayout } from "../components/app/index.ts";
import { pgbouncerFlows, pgbouncerPort, postgresFlows, postgresPort } from "../components/data/index.ts";
import { edgeFlows } from "../components/ingress/index.ts";
import type { FlowDeclaration } from "../components/workload/index.ts";
import type { PlatformConfig } from "./config.ts";

/** Every flow of the stack: one list for policies, tests and the inventory. */
export const platformFlows = (
  config: Pick<PlatformConfig, "prefix" | "app" | "cluster" | "monitoring">,
): readonly FlowDeclaration[] => [
  postgresFlows(config.prefix),
  pgbouncerFlows(config.prefix, config.monitoring !== undefined),
  ...appFlows({
    prefix: config.prefix,
    workerEnabled: config.app.workerEnabled,
    database: postgresPort,
    pooler: pgbouncerPort,
  }),
  ...(config.cluster.source === "own" ? [edgeFlows(config.prefix, appLayout.apiPort)] : []),
];
