/** The shape of the settings `host` and `cluster`. */

import * as z from "zod";
import { address, cidr, count, cron, text } from "./fields.ts";
import { isDnsLabel, parseIpv4 } from "./network.ts";
import { hostKeyProblem, isAbsolutePath, isFlag } from "./syntax.ts";

export const host = z.strictObject({
  address: address.describe("IPv4 address or name under which SSH reaches the host."),
  sshPort: count(1, 65_535).default(22).describe("Port of the SSH server."),
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: "must be a Linux user name" })
    .default("root")
    .describe("User to log in as. Everything runs as root."),
  hostKey: z
    .string()
    .superRefine((value, context) => {
      const problem = hostKeyProblem(value);
      if (problem !== undefined)
        context.addIssue({ code: "custom", message: `${problem}; stack:init reads the key from the host` });
    })
    .describe(
      'The only SSH host key that is accepted, "ssh-ed25519 AAAA…". Compare its fingerprint on the provider\'s console.',
    ),
  sshAuth: z
    .enum(["key", "agent"])
    .default("key")
    .describe("`key`: the secret sshPrivateKey; `agent`: the SSH agent of whoever runs Pulumi."),
  hostname: text(isDnsLabel, "must be one lower-case host name label").describe(
    "Host name given to the machine, once. A later change would register a second node.",
  ),
  timeSync: z
    .enum(["chrony", "skip"])
    .default("chrony")
    .describe("`skip` where the machine's clock is kept by its hypervisor."),
  swap: z
    .enum(["off", "keep"])
    .default("off")
    .describe("`off` also removes it from fstab: swapped-out patient data would rest on disk in clear."),
  cgroupV1: z
    .enum(["refuse", "accept"])
    .default("refuse")
    .describe("`accept` only for throw-away hosts: the kubelet gives up cgroup v1."),
  dataDirectory: text(isAbsolutePath, "must be an absolute path without trailing slash")
    .optional()
    .describe("Where volumes live, outside k3s' own directories. Default: /srv/<prefix>."),
  generation: count(0, 1_000_000)
    .default(0)
    .describe("Raise it after the host was rebuilt: every step then runs again on the bare machine."),
});

const artifacts = z.discriminatedUnion("source", [
  z.strictObject({ source: z.literal("release").describe("Download the pinned release on the host.") }),
  z.strictObject({
    source: z.literal("directory").describe("Upload a directory over SSH: no Internet needed on the host."),
    path: z.string().min(1).describe("The directory on the machine that runs Pulumi."),
    manifestSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: "must be 64 lower-case hex characters: sha256sum manifest.json" })
      .describe("SHA-256 of the directory's manifest.json."),
  }),
]);

const registry = z.strictObject({
  host: z
    .string()
    .regex(/^[a-z0-9.-]+(:\d{1,5})?$/, { error: "must be a registry host such as registry.example.com" })
    .describe("Registry host as written in image references."),
  endpoint: z
    .string()
    .regex(/^https:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9._/-]*)?$/, { error: "must be an https:// URL" })
    .describe("URL of the registry or of its mirror."),
  username: z.string().min(1).describe("User of the registry; its password is the secret registryPassword."),
});

const adoptExisting = z
  .boolean()
  .default(false)
  .describe(
    "Recovery only: take over objects that exist in the cluster and not in the state, instead of stopping with AlreadyExists.",
  );

const ownCluster = z.strictObject({
  source: z.literal("own").describe("This stack installs and owns the cluster on its host."),
  identifier: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/, {
      error: "must be 3 to 63 characters: lower-case letters, digits, dashes",
    })
    .describe("Fixed for the life of the stack. A change replaces every Kubernetes object, data included."),
  version: z
    .string()
    .describe("k3s release; the catalogue in components/cluster/releases.ts knows the digests."),
  architecture: z.enum(["amd64", "arm64"]).default("amd64").describe("Processor architecture of the host."),
  artifacts: artifacts.prefault({ source: "release" }).describe("Where k3s and system images come from."),
  nodeName: text(isDnsLabel, "must be one lower-case host name label")
    .optional()
    .describe("Name of the node. Default: host.hostname."),
  nodeIp: text((v) => parseIpv4(v) !== undefined, "must be an IPv4 address").describe(
    "Address of the node on its own network card.",
  ),
  apiAddress: address
    .optional()
    .describe("Address of the Kubernetes API in the kubeconfig. Default: host.address."),
  tlsSans: z.array(address).default([]).describe("More names and addresses in the API server's certificate."),
  flannelBackend: z
    .enum(["wireguard-native", "vxlan", "host-gw"])
    .default("wireguard-native")
    .describe("Pod network. Only wireguard-native encrypts between nodes."),
  clusterCidr: cidr
    .default("10.42.0.0/16")
    .describe("Addresses of pods. Cannot change after the first start."),
  serviceCidr: cidr
    .default("10.43.0.0/16")
    .describe("Addresses of services. Cannot change after the first start."),
  etcdSnapshotSchedule: cron.default("15 */6 * * *").describe("When etcd is snapshotted: cron, in UTC."),
  etcdSnapshotRetention: count(1, 1000).default(28).describe("How many etcd snapshots stay on the host."),
  kubeletArgs: z
    .array(text(isFlag, "must be key=value without leading dashes"))
    .default([])
    .describe("Extra kubelet flags, key=value."),
  apiServerArgs: z
    .array(text(isFlag, "must be key=value without leading dashes"))
    .default([])
    .describe("Extra API server flags, key=value."),
  registry: registry.optional().describe("Login to a private registry."),
  adoptExisting,
});

const sharedCluster = z.strictObject({
  source: z.literal("shared").describe("Another stack owns host and cluster; this one has namespaces on it."),
  stack: z
    .string()
    .regex(/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/, {
      error: "must be organization/project/stack",
    })
    .describe("Full name of the stack that owns the cluster."),
  adoptExisting,
});

export const cluster = z.discriminatedUnion("source", [ownCluster, sharedCluster]);
