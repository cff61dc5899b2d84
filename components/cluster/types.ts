import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "./releases.ts";
import { isKnownRelease, isKnownVersion, knownReleases } from "./releases.ts";

export interface DirectoryArtifacts {
  readonly source: "directory";
  /** Directory on the operator's machine, with a manifest.json. */
  readonly path: string;
  /** SHA-256 of that manifest.json; it lists the digests of all other files. */
  readonly manifestSha256: string;
}

/** Where the k3s binary and, without the Internet, the images come from. */
export type Artifacts = { readonly source: "release" } | DirectoryArtifacts;

/** Everything about the cluster that is not secret. Plain values: each renderer is a pure function of them. */
export interface ClusterSpec {
  readonly prefix: string;
  /** In the catalogue of releases.ts. */
  readonly version: string;
  readonly architecture: Architecture;
  readonly artifacts: Artifacts;
  /** Constant for the life of the stack; names the cluster in the kubeconfig and to the provider. */
  readonly identifier: string;
  readonly nodeName: string;
  /** Address of a network card of the host. */
  readonly nodeIp: string;
  /** Name or address under which the API is reached. */
  readonly apiAddress: string;
  /** Further names in the API's certificate. */
  readonly tlsSans: readonly string[];
  readonly flannelBackend: "wireguard-native" | "vxlan" | "host-gw";
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  /** Volumes lie in `<dataDirectory>/volumes`. */
  readonly dataDirectory: string;
  readonly cgroupV1: "refuse" | "accept";
  /** Kept back from pods for k3s and the system. */
  readonly systemReserved: { readonly cpuMillis: number; readonly memoryMiB: number };
  /** `name=value`, added to our own. */
  readonly kubeletArgs: readonly string[];
  /** `name=value`, added to our own. */
  readonly apiServerArgs: readonly string[];
  /** Cron, in the host's time zone. */
  readonly etcdSnapshotSchedule: string;
  readonly etcdSnapshotRetention: number;
  readonly registry:
    { readonly host: string; readonly endpoint: string; readonly username: string } | undefined;
  /** Raise after the host was rebuilt: install and kubeconfig run again. */
  readonly generation: number;
}

/** The values that travel on stdin only. */
export interface ClusterSecrets {
  /** Also encrypts the datastore's bootstrap data: without it no snapshot can be restored. */
  readonly token: string;
  readonly agentToken: string;
  readonly registryPassword: string | undefined;
}

/** Throws on values that no script could work with; all of them in one message. */
export const checkClusterSpec = (spec: ClusterSpec): void => {
  const problems: string[] = [];
  if (spec.artifacts.source === "release" && !isKnownRelease(spec.version, spec.architecture)) {
    problems.push(
      `cluster.version: no digest is pinned for "${spec.version} ${spec.architecture}"; known: ${knownReleases().join(", ")}`,
    );
  }
  if (spec.artifacts.source === "directory") {
    if (!isKnownVersion(spec.version))
      problems.push(`cluster.version: "${spec.version}" is not in the catalogue`);
    if (!/^[0-9a-f]{64}$/.test(spec.artifacts.manifestSha256)) {
      problems.push(
        "cluster.artifacts.manifestSha256: expected 64 lower-case hex digits; run sha256sum manifest.json",
      );
    }
    problems.push(...manifestProblems(spec.artifacts));
  }
  if (!/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(spec.nodeName)) {
    problems.push(
      `cluster.nodeName: "${spec.nodeName}" is not a node name; use lower-case letters, digits and dashes`,
    );
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
};

/**
 * A directory with another manifest than the pinned one is refused before anything is touched. The host checks again
 * what reaches it; where the directory is not there at all, the upload says so.
 */
const manifestProblems = ({ path, manifestSha256 }: DirectoryArtifacts): readonly string[] => {
  const file = join(path, "manifest.json");
  if (!existsSync(file)) return [];
  const seen = createHash("sha256").update(readFileSync(file)).digest("hex");
  return seen === manifestSha256
    ? []
    : [
        `cluster.artifacts.manifestSha256: ${manifestSha256} is pinned, ${file} has ${seen}; use the directory that belongs to the pin, or pin the new one after a look at what changed`,
      ];
};
