/** The one catalogue of container images: tag for people, digest for truth, each entry overridable per stack (`platform:images`). */

/** `registry/repository:tag@sha256:<64 hex>`. The compiler checks the shape, `isImageRef` the details. */
export type ImageRef = `${string}:${string}@sha256:${string}`;

/** What an image brings along beside the program itself; the configuration follows it in one place. */
export interface ImageContents {
  /** The pgaudit library: preloading a library that is missing stops the server. */
  readonly pgaudit?: boolean;
  /** The wal-g binary on PATH. */
  readonly walg?: boolean;
}

export interface CatalogueEntry {
  /** Undefined: there is no public image, the stack has to name one. */
  readonly ref: ImageRef | undefined;
  readonly carries: ImageContents;
}

/**
 * Digests are second-hand until `npm run images:pin` has asked the registry.
 * "corroborated" = two unrelated public projects pin the same digest for the tag; nothing weaker is pinned here.
 */
export const catalogue = {
  // corroborated (index, newest rebuild of the tag that was seen)
  postgres: {
    ref: "docker.io/library/postgres:18.6-trixie@sha256:5a5a84b19854a9ffaa54082c166ff4ec27473a361e496e5ea167f298f2da9722",
    carries: { pgaudit: false, walg: false },
  },
  // corroborated (index, build of 2026-09-17)
  traefik: {
    ref: "docker.io/library/traefik:v3.7.13@sha256:24841fe2de7304c149343d877d2923b4c8800a38ba015dea9174c23b20e344a0",
    carries: {},
  },
  // API, worker and migration are one image; it is the team's own, so there is no default
  app: { ref: undefined, carries: {} },
  // corroborated (multi-arch index); below 1.25.2 a packet of an unknown client stops it. 1.26.1 closes more of the kind
  // and lets nobody who knows one password be another user (CVE-2026-107350): override with it once its digest is known
  pgbouncer: {
    ref: "docker.io/edoburu/pgbouncer:v1.25.2-p0@sha256:7d7a27d9e90985cab5cf42256f5c13a3120baa4b055b69df37beb272b89b2340",
    carries: {},
  },
  // corroborated (the same digest on two registries)
  dragonfly: {
    ref: "docker.dragonflydb.io/dragonflydb/dragonfly:v1.40.1@sha256:ebf3c6c213e82fb51b4521660cca13f06f3421dc5b1ed14f2f474c50b5e29986",
    carries: {},
  },
  // corroborated; Valkey speaks the same dialect, and no two sources agree on a current Redis: an override brings it
  redis: {
    ref: "docker.io/valkey/valkey:9.0.3-alpine@sha256:84c96f47ebe197e635cd3ddbe3ab74e8bdf783cf3befbfb1c36387275c1cd5d5",
    carries: {},
  },
  // corroborated
  curl: {
    ref: "docker.io/curlimages/curl:8.21.0@sha256:7c12af72ceb38b7432ab85e1a265cff6ae58e06f95539d539b654f2cfa64bb13",
    carries: {},
  },
  // corroborated
  prometheus: {
    ref: "docker.io/prom/prometheus:v3.13.2@sha256:508729e0e2d18e11fd742a5a5ca70e557b940a93948c3c95fd0123a6fd538b69",
    carries: {},
  },
  // one named source only: not pinned here
  alertmanager: { ref: undefined, carries: {} },
  // corroborated
  postgresExporter: {
    ref: "quay.io/prometheuscommunity/postgres-exporter:v0.20.1@sha256:ac5ec343104fae0e2d84a27bb8d69b38430a11910c5382cad85d478d2bab713e",
    carries: {},
  },
  // no public source: not pinned here
  pgbouncerExporter: { ref: undefined, carries: {} },
  // no two sources: not pinned here
  redisExporter: { ref: undefined, carries: {} },
  // corroborated
  nodeExporter: {
    ref: "docker.io/prom/node-exporter:v1.12.1@sha256:1b4e4438faca4dd7e001dd445d161a4a2091b0fededa84093b3a8dfeae1f1be0",
    carries: {},
  },
  // one named source only: not pinned here
  kubeStateMetrics: { ref: undefined, carries: {} },
} as const satisfies Record<string, CatalogueEntry>;

export type ImageName = keyof typeof catalogue;

export const imageNames = Object.keys(catalogue) as readonly ImageName[];

export interface ResolvedImage {
  readonly name: ImageName;
  readonly ref: ImageRef;
  /** The tag, e.g. `18.6-trixie`. */
  readonly tag: string;
  /** The 64 hex characters after `sha256:`. */
  readonly digest: string;
  readonly carries: ImageContents;
}

const refPattern =
  /^(?<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?)\/(?<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*):(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})@sha256:(?<digest>[0-9a-f]{64})$/;

const looksLikeHost = (host: string): boolean =>
  host.includes(".") || host.includes(":") || host === "localhost";

/** True for a complete reference: registry host, repository, tag and sha256 digest. */
export const isImageRef = (value: string): value is ImageRef => {
  const host = refPattern.exec(value)?.groups?.["host"];
  return host !== undefined && looksLikeHost(host);
};

/** What is wrong with `value` as the override of `name`, or undefined when nothing is. */
export const imageRefProblem = (name: string, value: string): string | undefined =>
  isImageRef(value)
    ? undefined
    : `images.${name}: "${value}" is not a pinned image; write registry/repository:tag@sha256:<64 hex>, "npm run images:pin" finds the digest of a tag`;

/**
 * The image to run for `name`: the stack's override, else the catalogue's entry.
 * @param contents what the override carries; default: what the catalogue's entry does
 * @throws Error when neither exists or the override is not pinned; the text names the key `images.<name>`.
 */
export const resolveImage = (
  name: ImageName,
  overrides: Readonly<Partial<Record<ImageName, ImageRef>>>,
  contents?: ImageContents,
): ResolvedImage => {
  const entry: CatalogueEntry = catalogue[name];
  const ref = overrides[name] ?? entry.ref;
  if (ref === undefined) {
    throw new Error(
      `images.${name}: no image is set and the catalogue has no public default for it; set platform:images.${name} to registry/repository:tag@sha256:<64 hex>`,
    );
  }
  const groups = refPattern.exec(ref)?.groups;
  const [tag, digest] = [groups?.["tag"], groups?.["digest"]];
  if (!isImageRef(ref) || tag === undefined || digest === undefined) {
    throw new Error(imageRefProblem(name, ref) ?? `images.${name}: "${ref}" is not a pinned image`);
  }
  return { name, ref, tag, digest, carries: contents ?? entry.carries };
};

/**
 * The dotted numbers of a tag: `v3.7.11` -> [3, 7, 11], `18.6-trixie` -> [18, 6].
 * Undefined when the tag does not start with a number (`latest`, a commit hash with letters first).
 */
export const tagVersion = (tag: string): readonly number[] | undefined => {
  const match = /^v?(\d+(?:\.\d+)*)/.exec(tag)?.[1];
  return match?.split(".").map(Number);
};

/** True when `tag` is at least `minimum`, e.g. `atLeast("v3.7.13", "3.7.11")`. Unreadable tags count as older. */
export const atLeast = (tag: string, minimum: string): boolean => {
  const have = tagVersion(tag);
  const want = tagVersion(minimum);
  if (have === undefined || want === undefined) return false;
  for (let i = 0; i < Math.max(have.length, want.length); i += 1) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
};
