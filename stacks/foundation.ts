import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Cluster, clusterProvider } from "../components/cluster/index.ts";
import { Host } from "../components/host/index.ts";
import { sshConnection } from "../components/remote/index.ts";
import type { HostConfig, OwnClusterConfig, PlatformConfig, SharedClusterConfig } from "./config.ts";
import { firstAddress, type AddressedPort } from "../components/workload/index.ts";
import type { SharedCluster } from "./outputs.ts";
import { systemReserved } from "./profiles.ts";

/** What all layers stand on, whoever owns it. */
export interface Foundation {
  readonly provider: k8s.Provider;
  /** Known once the cluster runs. */
  readonly kubernetesVersion: pulumi.Output<string>;
  /** Pod Security rules of this minor version, e.g. `v1.36`. */
  readonly podSecurityVersion: pulumi.Input<string>;
  readonly clusterCidr: pulumi.Input<string>;
  /** As a pod sees the API server: its Service address, and the node's own, which is what remains after translation. */
  readonly apiServer: pulumi.Input<readonly AddressedPort[]>;
  /** Present in the stack that owns the cluster. */
  readonly owned:
    { readonly kubeconfig: pulumi.Output<string>; readonly cluster: OwnClusterConfig } | undefined;
  /** The edge of a cluster that another stack owns. */
  readonly foreignEdge:
    { readonly namespace: pulumi.Output<string>; readonly className: pulumi.Output<string> } | undefined;
}

const adoptionWarning =
  "cluster.adoptExisting is on: this run takes over whatever has the name of one of its objects. Afterwards: pulumi config rm --path 'platform:cluster.adoptExisting'";

/** Host and cluster of our own, or a way into another stack's. */
export const createFoundation = (
  parent: pulumi.Resource,
  name: string,
  config: PlatformConfig,
): Foundation => {
  if (config.cluster.adoptExisting) void pulumi.log.warn(adoptionWarning, parent);
  if (config.cluster.source === "shared") return shareCluster(parent, name, config.cluster);
  if (config.host === undefined)
    throw new Error("host: missing; a stack with cluster.source: own has a host");
  return ownCluster(parent, name, config, config.cluster, config.host);
};

const ownCluster = (
  parent: pulumi.Resource,
  name: string,
  config: PlatformConfig,
  cluster: OwnClusterConfig,
  host: HostConfig,
): Foundation => {
  const connection = sshConnection({
    address: host.address,
    port: host.sshPort,
    user: host.user,
    hostKey: host.hostKey,
    privateKey: config.secrets.sshPrivateKey,
  });
  const machine = new Host(
    `${name}-host`,
    {
      prefix: config.prefix,
      connection,
      hostname: host.hostname,
      timeSync: host.timeSync,
      swap: host.swap,
      cgroupV1: host.cgroupV1,
      dataDirectory: host.dataDirectory,
      flannelBackend: cluster.flannelBackend,
      minimum: config.vps,
      generation: host.generation,
    },
    { parent },
  );
  const { registry, ...settings } = cluster;
  const k3s = new Cluster(
    `${name}-cluster`,
    {
      ...settings,
      prefix: config.prefix,
      connection,
      host: { staging: machine.staging, ready: machine },
      token: required(config.secrets.clusterToken, "clusterToken"),
      agentToken: required(config.secrets.clusterAgentToken, "clusterAgentToken"),
      dataDirectory: host.dataDirectory,
      cgroupV1: host.cgroupV1,
      generation: host.generation,
      systemReserved: systemReserved(config.profile),
      registry:
        registry === undefined
          ? undefined
          : { ...registry, password: required(config.secrets.registryPassword, "registryPassword") },
    },
    { parent },
  );
  return {
    provider: k3s.provider,
    kubernetesVersion: k3s.version,
    podSecurityVersion: minorOf(cluster.version),
    clusterCidr: cluster.clusterCidr,
    apiServer: apiServerAddresses(cluster),
    owned: { kubeconfig: k3s.kubeconfig, cluster },
    foreignEdge: undefined,
  };
};

export const apiServerAddresses = (cluster: OwnClusterConfig): readonly AddressedPort[] => [
  { cidr: `${firstAddress(cluster.serviceCidr)}/32`, port: 443 },
  { cidr: `${cluster.nodeIp}/32`, port: 6443 },
];

/** `v1.36.5+k3s1` -> `v1.36`. */
const minorOf = (version: string): string => version.split(".").slice(0, 2).join(".");

const required = (secret: pulumi.Output<string> | undefined, key: string): pulumi.Output<string> => {
  if (secret === undefined)
    throw new Error(`${key}: missing; set it with: pulumi config set --secret platform:${key}`);
  return secret;
};

/** Reads the owner's outputs; nothing of them is known before the owner is up. */
const shareCluster = (parent: pulumi.Resource, name: string, cluster: SharedClusterConfig): Foundation => {
  const owner = new pulumi.StackReference(`${name}-owner`, { name: cluster.stack }, { parent });
  const shared = owner.requireOutput("sharedCluster") as pulumi.Output<pulumi.Unwrap<SharedCluster>>;
  const provider = clusterProvider(
    `${name}-shared-k8s`,
    {
      kubeconfig: pulumi.secret(owner.requireOutput("sharedClusterKubeconfig") as pulumi.Output<string>),
      identifier: cluster.stack,
      adoptExisting: cluster.adoptExisting,
    },
    { parent },
  );
  return {
    provider,
    kubernetesVersion: shared.apply((s) => s.version),
    podSecurityVersion: shared.apply((s) => minorOf(s.version)),
    clusterCidr: shared.apply((s) => s.clusterCidr),
    apiServer: shared.apply((s) => s.apiServer),
    owned: undefined,
    foreignEdge: {
      namespace: shared.apply((s) => s.edgeNamespace),
      className: shared.apply((s) => s.ingressClass),
    },
  };
};
