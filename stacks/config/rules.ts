/**
 * Rules between settings. Each one hangs on facts in config, never on a stack's name, and runs only when the keys it
 * needs could be parsed, so that one run reports as much as possible. Pure.
 */

import {
  knownReleases,
  knownVersions,
  isKnownRelease,
  isKnownVersion,
} from "../../components/cluster/releases.ts";
import { budgetOf, checkBudget } from "../budget.ts";
import { profiles } from "../profiles.ts";
import { connectionProblem } from "../../components/data/poolerLimits.ts";
import { maxConnections } from "../../components/data/sizing.ts";
import { catalogue } from "../../components/workload/images.ts";
import type { CatalogueEntry } from "../../components/workload/images.ts";
import { dataProblems } from "./data-rules.ts";
import { imagesInUse } from "./images-in-use.ts";
import { contains, overlaps, parseCidr, parseIpv4, privateNetworks } from "./network.ts";
import type { Cidr } from "./network.ts";
import { setCommand, when } from "./problems.ts";
import type { Parsed, PartialSettings } from "./schema.ts";

type OwnCluster = Extract<Parsed<"cluster">, { source: "own" }>;

const widestAdminPrefix = 8;

const phi = (s: PartialSettings): readonly string[] => {
  if (s.handlesPhi !== true) return [];
  const own = s.cluster?.source === "own" ? s.cluster : undefined;
  return [
    ...when(
      s.baaReference === undefined,
      `baaReference: missing, and handlesPhi is true; sign the agreement first, then ${setCommand("baaReference")}`,
    ),
    ...when(
      s.adminCidrs?.length === 0,
      "adminCidrs: empty, and handlesPhi is true; name the networks that administer: pulumi config set --path 'platform:adminCidrs[0]' 203.0.113.0/24",
    ),
    ...when(
      s.host?.cgroupV1 === "accept",
      'host.cgroupV1: "accept" is for throw-away hosts and handlesPhi is true; boot the host with cgroup v2 and remove the key',
    ),
    ...when(
      own !== undefined && own.flannelBackend !== "wireguard-native",
      `cluster.flannelBackend: "${own?.flannelBackend ?? ""}" sends pod traffic in clear and handlesPhi is true; use wireguard-native`,
    ),
  ];
};

const adminNetworks = (s: PartialSettings): readonly string[] =>
  (s.adminCidrs ?? []).flatMap((text, i) => {
    const network = parseCidr(text);
    return when(
      network !== undefined && network.prefix < widestAdminPrefix,
      `adminCidrs[${String(i)}]: "${text}" lets the world in; the widest that is accepted is /${String(widestAdminPrefix)}`,
    );
  });

const hostAndCluster = (s: PartialSettings, unparsed: ReadonlySet<string>): readonly string[] => [
  ...when(
    s.cluster?.source === "own" && s.host === undefined && !unparsed.has("host"),
    `host: missing, and cluster.source is own; ${setCommand("host.address")} and so on, or run stack:init`,
  ),
  ...when(
    s.cluster?.source === "shared" && s.host !== undefined,
    "host: is set, but cluster.source is shared and the host belongs to the other stack; remove it: pulumi config rm platform:host",
  ),
];

const release = (cluster: OwnCluster): readonly string[] =>
  cluster.artifacts.source === "release"
    ? when(
        !isKnownRelease(cluster.version, cluster.architecture),
        `cluster.version: no digest is recorded for "${cluster.version}" on ${cluster.architecture}; known: ${knownReleases().join(", ")}`,
      )
    : when(
        !isKnownVersion(cluster.version),
        `cluster.version: "${cluster.version}" is not in the catalogue; known: ${knownVersions().join(", ")}`,
      );

const clusterNetwork = (key: string, text: string, low: number, high: number): readonly string[] => {
  const network = parseCidr(text);
  if (network === undefined) return [];
  const inside = privateNetworks.some((p) => p.prefix <= network.prefix && contains(p, network.base));
  return [
    ...when(
      network.prefix < low || network.prefix > high,
      `cluster.${key}: "${text}" must have a prefix between /${String(low)} and /${String(high)}`,
    ),
    ...when(
      !inside,
      `cluster.${key}: "${text}" is not a private network; use one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16`,
    ),
  ];
};

const collisions = (s: PartialSettings, cluster: OwnCluster): readonly string[] => {
  const own: readonly (readonly [string, string, Cidr | undefined])[] = [
    ["cluster.clusterCidr", cluster.clusterCidr, parseCidr(cluster.clusterCidr)],
    ["cluster.serviceCidr", cluster.serviceCidr, parseCidr(cluster.serviceCidr)],
  ];
  const addresses: readonly (readonly [string, string])[] = [
    ["cluster.nodeIp", cluster.nodeIp],
    ...(s.host === undefined ? [] : [["host.address", s.host.address] as const]),
  ];
  const [pods, services] = [own[0]?.[2], own[1]?.[2]];
  return [
    ...when(
      pods !== undefined && services !== undefined && overlaps(pods, services),
      `cluster.serviceCidr: "${cluster.serviceCidr}" overlaps cluster.clusterCidr "${cluster.clusterCidr}"; pods and services need networks of their own`,
    ),
    ...own.flatMap(([key, text, network]) => {
      if (network === undefined) return [];
      const hit = addresses.find(([, address]) => {
        const number = parseIpv4(address);
        return number !== undefined && contains(network, number);
      });
      const admin = (s.adminCidrs ?? []).find((cidr) => {
        const other = parseCidr(cidr);
        return other !== undefined && overlaps(network, other);
      });
      return [
        ...when(
          hit !== undefined,
          `${key}: "${text}" contains ${hit?.[0] ?? ""} ${hit?.[1] ?? ""}; choose a network that nothing else uses`,
        ),
        ...when(
          admin !== undefined,
          `${key}: "${text}" overlaps adminCidrs "${admin ?? ""}", which would let pods administer; choose another network`,
        ),
      ];
    }),
  ];
};

const repeatedFlags = (key: string, flags: readonly string[]): readonly string[] => {
  const flagNames = flags.map((flag) => flag.split("=")[0] ?? "");
  return flagNames.flatMap((name, i) =>
    when(
      flagNames.indexOf(name) !== i,
      `cluster.${key}[${String(i)}]: "${name}" is set twice; the later one would win silently`,
    ),
  );
};

const systemDirectories = [
  ...["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr"],
  ...["/var/lib/rancher", "/var/lib/kubelet", "/var/lib/cni", "/var/log", "/var/tmp"],
];

const dataDirectory = (path: string): readonly string[] => {
  const hit = systemDirectories.find(
    (d) => path === d || path.startsWith(`${d}/`) || d.startsWith(`${path}/`),
  );
  return when(
    hit !== undefined,
    `host.dataDirectory: "${path}" is in the reach of the system's own ${hit ?? ""}; use a directory of its own such as /srv/data`,
  );
};

const images = (s: PartialSettings): readonly string[] =>
  imagesInUse(s).flatMap((name) => {
    const entry: CatalogueEntry = catalogue[name];
    return when(
      s.images !== undefined && s.images[name] === undefined && entry.ref === undefined,
      `images.${name}: missing, there is no public default; pulumi config set --path 'platform:images.${name}' registry/repository:tag@sha256:<64 hex>`,
    );
  });

const budget = (s: PartialSettings): readonly string[] => {
  const { vps, profile, app, cluster, data } = s;
  if (vps === undefined || profile === undefined || app === undefined) return [];
  if (cluster === undefined || data === undefined) return [];
  const choice = { profile, app, data, monitoring: s.monitoring };
  const problem = checkBudget(vps, budgetOf(choice, cluster.source === "own"));
  if (problem === undefined) return [];
  const remedy = "order a larger machine, choose a smaller profile, or lower app.apiReplicas";
  return [`vps: profile "${profile}" does not fit; ${remedy}: ${problem.replaceAll("\n", "\n      ")}`];
};

const connections = ({ profile, data }: PartialSettings): readonly string[] => {
  if (profile === undefined || data === undefined) return [];
  const { replicas } = profiles[profile].pgbouncer;
  const problem = connectionProblem({ maxConnections, replicas, readers: data.postgres.readers.length });
  return problem === undefined ? [] : [problem];
};

/**
 * Problems between keys.
 * @param s what could be parsed
 * @param unparsed keys that are set but had a problem of their own: not to be called missing
 */
export const crossProblems = (s: PartialSettings, unparsed: ReadonlySet<string>): readonly string[] => {
  const own = s.cluster?.source === "own" ? s.cluster : undefined;
  return [
    ...phi(s),
    ...adminNetworks(s),
    ...hostAndCluster(s, unparsed),
    ...(own === undefined
      ? []
      : [
          ...release(own),
          // Kubernetes takes at most 20 host bits for services; the node needs a /24 of the pod network.
          ...clusterNetwork("clusterCidr", own.clusterCidr, 8, 22),
          ...clusterNetwork("serviceCidr", own.serviceCidr, 12, 24),
          ...collisions(s, own),
          ...repeatedFlags("kubeletArgs", own.kubeletArgs),
          ...repeatedFlags("apiServerArgs", own.apiServerArgs),
        ]),
    ...(s.host?.dataDirectory === undefined ? [] : dataDirectory(s.host.dataDirectory)),
    ...images(s),
    ...dataProblems(s),
    ...budget(s),
    ...connections(s),
    ...when(
      s.app !== undefined && s.app.livenessPath === s.app.healthPath,
      `app.livenessPath: "${s.app?.livenessPath ?? ""}" equals app.healthPath, which may look at the database; its outage would restart every API pod`,
    ),
  ];
};
