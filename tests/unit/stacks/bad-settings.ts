/** Wrong settings of a stack like staging, and the whole text that a person gets to read for each. */

import { expect } from "vitest";

const hostKey = (algorithm: string, bytes: number): string => {
  const name = Buffer.from(algorithm);
  const size = (n: number): Buffer => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(n);
    return buffer;
  };
  const blob = Buffer.concat([size(name.length), name, size(bytes), Buffer.alloc(bytes, 7)]);
  return `${algorithm} ${blob.toString("base64")}`;
};

const sha = "0f3c1e5a7b9d2468ace013579bdf02468ace13579bdf0246813579bdf02468ac";

/** Name, changes by path below `platform:`, problems. */
export type BadSetting = readonly [string, Readonly<Record<string, unknown>>, readonly string[]];

export const badSettings: readonly BadSetting[] = [
  [
    "prefix",
    { prefix: "Hc_Prod" },
    ['prefix: "Hc_Prod" must be 2 to 16 characters: lower-case letters, digits, dashes, first a letter'],
  ],
  [
    "domain",
    { domain: "localhost" },
    ['domain: "localhost" must be a domain name in lower case such as example.com'],
  ],
  ["missing domain", { domain: undefined }, ["domain: missing; pulumi config set platform:domain VALUE"]],
  ["profile", { profile: "huge" }, ['profile: "huge" must be one of tiny, small, medium, large']],
  ["handlesPhi", { handlesPhi: "yes" }, ['handlesPhi: "yes" must be true or false']],
  [
    "missing handlesPhi",
    { handlesPhi: undefined },
    ["handlesPhi: missing; pulumi config set platform:handlesPhi VALUE"],
  ],
  [
    "baaReference",
    { baaReference: undefined },
    [
      "baaReference: missing, and handlesPhi is true; sign the agreement first, then pulumi config set platform:baaReference VALUE",
    ],
  ],
  [
    "no admins",
    { adminCidrs: [] },
    [
      "adminCidrs: empty, and handlesPhi is true; name the networks that administer: pulumi config set --path 'platform:adminCidrs[0]' 203.0.113.0/24",
    ],
  ],
  [
    "the world as admin",
    { adminCidrs: ["198.51.100.0/24", "0.0.0.0/0"] },
    [
      'adminCidrs[1]: "0.0.0.0/0" lets the world in; the widest that is accepted is /8',
      'cluster.clusterCidr: "10.42.0.0/16" overlaps adminCidrs "0.0.0.0/0", which would let pods administer; choose another network',
      'cluster.serviceCidr: "10.43.0.0/16" overlaps adminCidrs "0.0.0.0/0", which would let pods administer; choose another network',
    ],
  ],
  [
    "half the world as admin",
    { adminCidrs: ["128.0.0.0/1"] },
    ['adminCidrs[0]: "128.0.0.0/1" lets the world in; the widest that is accepted is /8'],
  ],
  [
    "bits behind the prefix",
    { adminCidrs: ["198.51.100.1/24"] },
    [
      'adminCidrs[0]: "198.51.100.1/24" must be an IPv4 network with no bits behind the prefix, such as 203.0.113.0/24',
    ],
  ],
  ["vps type", { "vps.cpus": "4" }, ['vps.cpus: "4" must be a number']],
  ["vps fraction", { "vps.memoryMiB": 8192.5 }, ["vps.memoryMiB: 8192.5 must be a whole number"]],
  ["vps too small", { "vps.memoryMiB": 512 }, ["vps.memoryMiB: 512 must be at least 1024"]],
  [
    "missing vps field",
    { "vps.diskGiB": undefined },
    ["vps.diskGiB: missing; pulumi config set --path 'platform:vps.diskGiB' VALUE"],
  ],
  ["vps no group", { vps: "big" }, ['vps: "big" must be a group of keys']],
  [
    "host address",
    { "host.address": "203.0.113.999" },
    ['host.address: "203.0.113.999" must be an IPv4 address or a host name in lower case'],
  ],
  ["ssh port", { "host.sshPort": 70000 }, ["host.sshPort: 70000 must be at most 65535"]],
  [
    "rsa host key",
    { "host.hostKey": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB" },
    [
      'host.hostKey: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB" must be an ed25519 key that starts with "ssh-ed25519 "; stack:init reads the key from the host',
    ],
  ],
  [
    "short host key",
    { "host.hostKey": hostKey("ssh-ed25519", 31) },
    [
      `host.hostKey: ${JSON.stringify(hostKey("ssh-ed25519", 31)).slice(0, 60)}… is cut off or damaged: it does not decode to an ed25519 key; stack:init reads the key from the host`,
    ],
  ],
  [
    "host key with comment",
    { "host.hostKey": `${hostKey("ssh-ed25519", 32)} root@host` },
    [
      `host.hostKey: ${JSON.stringify(hostKey("ssh-ed25519", 32)).slice(0, 60)}… must end after the key: remove the comment; stack:init reads the key from the host`,
    ],
  ],
  ["sshAuth", { "host.sshAuth": "password" }, ['host.sshAuth: "password" must be one of key, agent']],
  [
    "data directory of k3s",
    { "host.dataDirectory": "/var/lib/rancher/data" },
    [
      'host.dataDirectory: "/var/lib/rancher/data" is in the reach of the system\'s own /var/lib/rancher; use a directory of its own such as /srv/data',
    ],
  ],
  [
    "data directory above k3s",
    { "host.dataDirectory": "/var" },
    [
      'host.dataDirectory: "/var" is in the reach of the system\'s own /var/lib/rancher; use a directory of its own such as /srv/data',
    ],
  ],
  [
    "data directory not absolute",
    { "host.dataDirectory": "srv/data/" },
    ['host.dataDirectory: "srv/data/" must be an absolute path without trailing slash'],
  ],
  [
    "cgroup v1 with PHI",
    { "host.cgroupV1": "accept" },
    [
      'host.cgroupV1: "accept" is for throw-away hosts and handlesPhi is true; boot the host with cgroup v2 and remove the key',
    ],
  ],
  [
    "clear pod traffic with PHI",
    { "cluster.flannelBackend": "vxlan" },
    [
      'cluster.flannelBackend: "vxlan" sends pod traffic in clear and handlesPhi is true; use wireguard-native',
    ],
  ],
  [
    "no host",
    { host: undefined },
    [
      "host: missing, and cluster.source is own; pulumi config set --path 'platform:host.address' VALUE and so on, or run stack:init",
    ],
  ],
  ["cluster source", { "cluster.source": "rented" }, ['cluster.source: "rented" must be one of own, shared']],
  [
    "cluster version",
    { "cluster.version": "v1.0.0+k3s1" },
    [
      expect.stringMatching(
        /^cluster\.version: no digest is recorded for "v1\.0\.0\+k3s1" on amd64; known: v1\.36\.5\+k3s1 amd64, /,
      ) as string,
    ],
  ],
  [
    "architecture without digest",
    { "cluster.architecture": "arm64" },
    [
      expect.stringMatching(
        /^cluster\.version: no digest is recorded for "v1\.36\.5\+k3s1" on arm64; known: /,
      ) as string,
    ],
  ],
  [
    "manifest hash",
    { "cluster.artifacts": { source: "directory", path: "x", manifestSha256: "abc" } },
    ['cluster.artifacts.manifestSha256: "abc" must be 64 lower-case hex characters: sha256sum manifest.json'],
  ],
  [
    "identifier",
    { "cluster.identifier": undefined },
    ["cluster.identifier: missing; pulumi config set --path 'platform:cluster.identifier' VALUE"],
  ],
  [
    "node address",
    { "cluster.nodeIp": "host.example.com" },
    ['cluster.nodeIp: "host.example.com" must be an IPv4 address'],
  ],
  [
    "overlapping networks",
    { "cluster.serviceCidr": "10.42.128.0/17" },
    [
      'cluster.serviceCidr: "10.42.128.0/17" overlaps cluster.clusterCidr "10.42.0.0/16"; pods and services need networks of their own',
    ],
  ],
  [
    "node inside the pod network",
    { "cluster.nodeIp": "10.42.0.9" },
    [
      'cluster.clusterCidr: "10.42.0.0/16" contains cluster.nodeIp 10.42.0.9; choose a network that nothing else uses',
    ],
  ],
  [
    "pod network too small",
    { "cluster.clusterCidr": "10.42.0.0/24" },
    ['cluster.clusterCidr: "10.42.0.0/24" must have a prefix between /8 and /22'],
  ],
  [
    "service network too large",
    { "cluster.serviceCidr": "172.16.0.0/11" },
    [
      'cluster.serviceCidr: "172.16.0.0/11" must be an IPv4 network with no bits behind the prefix, such as 203.0.113.0/24',
    ],
  ],
  [
    "public pod network",
    { "cluster.clusterCidr": "11.42.0.0/16" },
    [
      'cluster.clusterCidr: "11.42.0.0/16" is not a private network; use one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16',
    ],
  ],
  [
    "cron",
    { "cluster.etcdSnapshotSchedule": "61 * * * *" },
    ['cluster.etcdSnapshotSchedule: "61 * * * *" must be five numeric cron fields such as "15 */6 * * *"'],
  ],
  [
    "kubelet flag",
    { "cluster.kubeletArgs": ["--max-pods=50"] },
    ['cluster.kubeletArgs[0]: "--max-pods=50" must be key=value without leading dashes'],
  ],
  [
    "kubelet flag twice",
    { "cluster.kubeletArgs": ["max-pods=50", "v=2", "max-pods=60"] },
    ['cluster.kubeletArgs[2]: "max-pods" is set twice; the later one would win silently'],
  ],
  [
    "registry over plain HTTP",
    { "cluster.registry.endpoint": "http://registry.example.com" },
    ['cluster.registry.endpoint: "http://registry.example.com" must be an https:// URL'],
  ],
  [
    "image without digest",
    { "images.postgres": "docker.io/library/postgres:18" },
    [
      'images.postgres: "docker.io/library/postgres:18" must be registry/repository:tag@sha256:<64 hex>; "npm run images:pin" finds the digest of a tag',
    ],
  ],
  [
    "no app image",
    { "images.app": undefined },
    [
      "images.app: missing, there is no public default; pulumi config set --path 'platform:images.app' registry/repository:tag@sha256:<64 hex>",
    ],
  ],
  [
    "unknown image",
    { "images.postgress": `x.example.com/y:1@sha256:${sha}` },
    ["images.postgress: unknown key; did you mean images.postgres?"],
  ],
  [
    "liveness looks at the database",
    { "app.livenessPath": "/health/api" },
    [
      'app.livenessPath: "/health/api" equals app.healthPath, which may look at the database; its outage would restart every API pod',
    ],
  ],
  ["no command", { "app.migrationCommand": [] }, ["app.migrationCommand: [] is too short: at least 1"]],
  ["replicas", { "app.apiReplicas": 0 }, ["app.apiReplicas: 0 must be at least 1"]],
  ["ingress", { "ingress.tls": "acme" }, ['ingress.tls: "acme" must be internal']],
  ["unknown key", { domian: "example.com" }, ["domian: unknown key; did you mean domain?"]],
  [
    "unknown inner key",
    { "host.adress": "203.0.113.1" },
    ["host.adress: unknown key; did you mean host.address?"],
  ],
  [
    "key of the other variant",
    { "cluster.stack": "organization/platform/production" },
    [
      expect.stringMatching(
        /^cluster\.stack: unknown key; known here: source, identifier, version, /,
      ) as string,
    ],
  ],
  [
    "misspelt namespace",
    { "plaform:domain": "example.com" },
    ['plaform:domain: unknown namespace "plaform"; did you mean platform:domain?'],
  ],
  [
    "foreign namespace",
    { "kubernetes:kubeconfig": "x" },
    ['kubernetes:kubeconfig: unknown namespace "kubernetes"; only platform:kubeconfig would be read'],
  ],
];
