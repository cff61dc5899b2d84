import { loadConfig } from "./stacks/config.ts";
import { Platform } from "./stacks/platform.ts";

// Node strips the types in place, so positions in stack traces are right as they are. The SDK notes a trace per promise
// and would look each one up in source maps that do not exist: a sixth of a preview's time.
Reflect.deleteProperty(Error, "prepareStackTrace");

const { outputs } = new Platform("platform", loadConfig());

// The contract is documented in stacks/outputs.ts.
export const apiUrl = outputs.apiUrl;
export const caCertificate = outputs.caCertificate;
export const versions = outputs.versions;
export const endpoints = outputs.endpoints;
export const namespaces = outputs.namespaces;
export const complianceGaps = outputs.complianceGaps;
export const sharedCluster = outputs.sharedCluster;
export const sharedClusterKubeconfig = outputs.sharedClusterKubeconfig;
