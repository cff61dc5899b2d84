import type { ClusterSpec } from "../../../components/cluster/index.ts";
import type { ClusterSecrets } from "../../../components/cluster/types.ts";

/** A cluster as production declares it. */
export const clusterSpec = (changes: Partial<ClusterSpec> = {}): ClusterSpec => ({
  prefix: "hc-test",
  version: "v1.36.5+k3s1",
  architecture: "amd64",
  artifacts: { source: "release" },
  identifier: "hc-test",
  nodeName: "vps-1",
  nodeIp: "192.0.2.1",
  apiAddress: "k8s.example.com",
  tlsSans: ["192.0.2.1"],
  flannelBackend: "wireguard-native",
  clusterCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  dataDirectory: "/srv/hc-test",
  cgroupV1: "refuse",
  systemReserved: { cpuMillis: 250, memoryMiB: 512 },
  kubeletArgs: [],
  apiServerArgs: [],
  etcdSnapshotSchedule: "0 */6 * * *",
  etcdSnapshotRetention: 28,
  registry: undefined,
  generation: 1,
  ...changes,
});

export const clusterSecrets: ClusterSecrets = {
  token: "CANARY_TOKEN_0123456789abcdef",
  agentToken: "CANARY_AGENT_0123456789abcdef",
  registryPassword: undefined,
};
