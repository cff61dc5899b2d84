export * from "./ClusterDefaults.ts";
export * from "./Namespaces.ts";
export * from "./NetworkFlows.ts";
export * from "./policies.ts";
export * from "./reachability.ts";
