export { Cluster } from "./Cluster.ts";
export type { ClusterArgs } from "./Cluster.ts";
export { clusterOwns } from "./install.ts";
export { clusterProvider } from "./provider.ts";
export { isKnownRelease, isKnownVersion, knownReleases, knownVersions } from "./releases.ts";
export type { Architecture } from "./releases.ts";
export type { Artifacts, ClusterSpec } from "./types.ts";
