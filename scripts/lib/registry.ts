/** Asks a container registry (HTTP API v2) what a tag stands for. Reads only. */

import { createHash } from "node:crypto";
import { UserError } from "./user-error.ts";

export interface Repository {
  /** As in image references, e.g. `docker.io` or `registry.example.com:5000`. */
  readonly host: string;
  /** e.g. `library/postgres`. */
  readonly path: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface TagIndex {
  /** `sha256:<64 hex>`, computed from the bytes that came. */
  readonly digest: string;
  /** e.g. `linux/amd64`, sorted. */
  readonly platforms: readonly string[];
}

const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

const answerSeconds = 20;
const largestIndexBytes = 4 * 1024 * 1024;

/** Docker Hub's registry has another name than its images; a registry on this machine speaks plain HTTP. */
const origin = (host: string): string => {
  if (host === "docker.io") return "https://registry-1.docker.io";
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host) ? `http://${host}` : `https://${host}`;
};

const get = async (url: string, headers: Readonly<Record<string, string>>): Promise<Response> => {
  try {
    return await fetch(url, { headers, signal: AbortSignal.timeout(answerSeconds * 1000) });
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new UserError(`${new URL(url).host}: no answer: ${cause}`);
  }
};

const basic = (c: Credentials): string =>
  `Basic ${Buffer.from(`${c.username}:${c.password}`).toString("base64")}`;

/** `Bearer realm="…",service="…"` as a record; undefined for another scheme. */
export const parseChallenge = (header: string): Readonly<Record<string, string>> | undefined => {
  if (!/^bearer /i.test(header)) return undefined;
  return Object.fromEntries(
    [...header.matchAll(/([a-z_]+)="([^"]*)"/gi)].map((match) => [match[1] ?? "", match[2] ?? ""]),
  );
};

const bearerToken = async (
  repository: Repository,
  challenge: Readonly<Record<string, string>>,
  credentials: Credentials | undefined,
): Promise<string> => {
  const realm = challenge["realm"] ?? "";
  if (!URL.canParse(realm)) throw new UserError(`${repository.host}: asks for a token without saying where`);
  const url = new URL(realm);
  url.searchParams.set("service", challenge["service"] ?? "");
  url.searchParams.set("scope", challenge["scope"] ?? `repository:${repository.path}:pull`);
  const answer = await get(url.href, credentials === undefined ? {} : { authorization: basic(credentials) });
  const body: unknown = answer.ok ? await answer.json() : undefined;
  const fields = (body ?? {}) as { readonly token?: unknown; readonly access_token?: unknown };
  const token = fields.token ?? fields.access_token;
  if (typeof token !== "string") {
    throw new UserError(
      `${repository.host}/${repository.path}: the registry refuses a token (HTTP ${String(answer.status)}); set REGISTRY_USERNAME and REGISTRY_PASSWORD for a private one`,
    );
  }
  return `Bearer ${token}`;
};

const askManifest = async (
  repository: Repository,
  tag: string,
  credentials: Credentials | undefined,
): Promise<Response> => {
  const url = `${origin(repository.host)}/v2/${repository.path}/manifests/${tag}`;
  const accept = [...indexTypes, ...manifestTypes].join(", ");
  const first = await get(url, { accept });
  if (first.status !== 401) return first;
  const header = first.headers.get("www-authenticate") ?? "";
  const challenge = parseChallenge(header);
  if (challenge !== undefined) {
    return get(url, { accept, authorization: await bearerToken(repository, challenge, credentials) });
  }
  return credentials === undefined ? first : get(url, { accept, authorization: basic(credentials) });
};

interface IndexDocument {
  readonly mediaType?: string;
  readonly manifests?: readonly {
    readonly platform?: { readonly os?: string; readonly architecture?: string };
  }[];
}

/**
 * The multi-architecture index behind a tag.
 * @throws UserError when the tag is unknown, is one platform's manifest, or arrives damaged
 */
export const resolveTag = async (
  repository: Repository,
  tag: string,
  credentials?: Credentials,
): Promise<TagIndex> => {
  const name = `${repository.host}/${repository.path}:${tag}`;
  const answer = await askManifest(repository, tag, credentials);
  if (!answer.ok) {
    const why =
      answer.status === 404 ? "there is no such tag" : `the registry answers HTTP ${String(answer.status)}`;
    throw new UserError(`${name}: ${why}`);
  }
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (bytes.length > largestIndexBytes)
    throw new UserError(`${name}: the answer is too large for an index (${String(bytes.length)} bytes)`);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const claimed = answer.headers.get("docker-content-digest");
  if (claimed !== null && claimed !== digest) {
    throw new UserError(
      `${name}: the registry says ${claimed}, but its bytes have ${digest}; nothing was changed`,
    );
  }
  let document: IndexDocument;
  try {
    document = JSON.parse(bytes.toString("utf8")) as IndexDocument;
  } catch {
    throw new UserError(`${name}: the answer is no JSON`);
  }
  const type = document.mediaType ?? answer.headers.get("content-type") ?? "";
  if (!indexTypes.some((known) => type.startsWith(known)) || document.manifests === undefined) {
    throw new UserError(
      `${name}: is the manifest of one platform (${type}), not an index; its digest would not run elsewhere`,
    );
  }
  const platforms = document.manifests.map(
    (m) => `${m.platform?.os ?? "?"}/${m.platform?.architecture ?? "?"}`,
  );
  return { digest, platforms: [...new Set(platforms)].sort() };
};
