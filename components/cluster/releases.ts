/**
 * The k3s releases that this repository knows, with the SHA-256 of each binary.
 *
 * The digests were recorded here once and are reviewed in git: the host compares what it downloaded with this file and
 * not with a checksum that comes from the same server as the binary.
 */

export type Architecture = "amd64" | "arm64";

/** Digest of the `k3s` binary, 64 lower-case hex digits. */
export type Sha256 = string;

export const releases: Readonly<Record<string, Readonly<Partial<Record<Architecture, Sha256>>>>> = {
  "v1.36.5+k3s1": {
    amd64: "d73847bcd3c5fccef0115b372e2f9a91f3032dc84bbf71518a4617565294d313",
  },
  "v1.36.4+k3s1": {
    amd64: "835873f37245fc615f547a2fe2af9402a347875f13fa64a1f136de644955ea3f",
    arm64: "c920706346d5ad4e5cd3c7bf1bb09ce71ebe07fec829e513e40f1caf98aed8bb",
  },
  "v1.36.3+k3s1": {
    amd64: "2f98a9f8fe5782479ee2d54e70a1b10a7f6fd4cae8d38ed3098452dc6eed76b5",
    arm64: "c9a209103f480f163b7c6a56f00862b4481927b284dc29a3716bb70d886691a8",
  },
  "v1.35.8+k3s1": {
    amd64: "12f81c9bb5b71e098a4f7a2d187e350902a9339a6c3d5e56c20a03f7a417e07f",
  },
};

/** All known `version architecture` pairs, for error texts and the configuration reference. */
export const knownReleases = (): readonly string[] =>
  Object.entries(releases).flatMap(([version, digests]) =>
    Object.keys(digests).map((architecture) => `${version} ${architecture}`),
  );

/** All known versions, newest first. */
export const knownVersions = (): readonly string[] => Object.keys(releases);

/** The pinned digest, or undefined when this pair is not in the catalogue. */
export const releaseDigest = (version: string, architecture: Architecture): Sha256 | undefined =>
  Object.hasOwn(releases, version) ? releases[version]?.[architecture] : undefined;

/** True when the binary of this version and architecture can be downloaded and verified. */
export const isKnownRelease = (version: string, architecture: Architecture): boolean =>
  releaseDigest(version, architecture) !== undefined;

/** True when the version is in the catalogue at all: enough for an artifacts directory, whose manifest has the digests. */
export const isKnownVersion = (version: string): boolean => Object.hasOwn(releases, version);

/** Where the release binary is published. The `+` of the version has to be escaped in a URL. */
export const releaseUrl = (version: string, architecture: Architecture): string => {
  const asset = architecture === "amd64" ? "k3s" : `k3s-${architecture}`;
  return `https://github.com/k3s-io/k3s/releases/download/${encodeURIComponent(version)}/${asset}`;
};
