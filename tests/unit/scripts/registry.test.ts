import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { replaceReference } from "../../../scripts/lib/catalogue-edit.ts";
import { parseChallenge, resolveTag } from "../../../scripts/lib/registry.ts";
import { pinImage } from "../../../scripts/lib/pin-image.ts";
import { run } from "../../../scripts/lib/run.ts";
import { repositoryFile } from "../stacks/examples.ts";

/** A registry of one repository, small enough to lie in every way that matters. */
const ociIndex = "application/vnd.oci.image.index.v1+json";
const manifests = new Map<string, { type: string; body: string; claimed?: string }>();
let auth: "none" | "bearer" | "basic" = "none";
let tokenRequests: string[] = [];
let server: Server;
let host = "";

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

const index = (...platforms: readonly string[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: platforms.map((platform) => {
      const [os, architecture] = platform.split("/");
      return {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: sha256(platform),
        size: 1,
        platform: { os, architecture },
      };
    }),
  });

const denied = (answer: ServerResponse, challenge: string): void => {
  answer.writeHead(401, { "www-authenticate": challenge }).end();
};

const handle = (request: IncomingMessage, answer: ServerResponse): void => {
  const url = new URL(request.url ?? "/", `http://${host}`);
  if (url.pathname === "/token") {
    tokenRequests.push(`${url.search} ${request.headers.authorization ?? "anonymous"}`);
    answer.writeHead(200, { "content-type": "application/json" }).end('{"token":"good"}');
    return;
  }
  if (auth === "bearer" && request.headers.authorization !== "Bearer good") {
    denied(answer, `Bearer realm="http://${host}/token",service="registry",scope="repository:team/app:pull"`);
    return;
  }
  if (
    auth === "basic" &&
    request.headers.authorization !== `Basic ${Buffer.from("u:p").toString("base64")}`
  ) {
    denied(answer, 'Basic realm="registry"');
    return;
  }
  const found = manifests.get(/^\/v2\/team\/app\/manifests\/(.+)$/.exec(url.pathname)?.[1] ?? "");
  if (found === undefined) {
    answer.writeHead(404).end();
    return;
  }
  answer.writeHead(200, {
    "content-type": found.type,
    "docker-content-digest": found.claimed ?? sha256(found.body),
  });
  answer.end(found.body);
};

const directory = mkdtempSync(join(tmpdir(), "images-pin-test-"));
const catalogueFile = join(directory, "images.ts");
const oldRef = `docker.io/library/traefik:v3.7.13@${sha256("old")}`;
const source = `export const catalogue = {
  // corroborated (index)
  postgres: {
    ref: "docker.io/library/postgres:18.6@${sha256("pg")}",
    carries: {},
  },
  // corroborated (index, build of 2026-09-17)
  traefik: {
    ref: "${oldRef}",
    carries: {},
  },
};
`;

beforeAll(async () => {
  server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  auth = "none";
  tokenRequests = [];
  manifests.clear();
  manifests.set("v4", { type: ociIndex, body: index("linux/arm64", "linux/amd64", "linux/amd64") });
  writeFileSync(catalogueFile, source);
});

const resolve = (tag: string, credentials?: { username: string; password: string }) =>
  resolveTag({ host, path: "team/app" }, tag, credentials);

describe("resolveTag", () => {
  const expected = {
    digest: sha256(index("linux/arm64", "linux/amd64", "linux/amd64")),
    platforms: ["linux/amd64", "linux/arm64"],
  };

  it("computes the digest of the index and lists its platforms", async () => {
    expect(await resolve("v4")).toEqual(expected);
  });

  it("fetches a token where one is asked for", async () => {
    auth = "bearer";
    expect(await resolve("v4")).toEqual(expected);
    expect(tokenRequests).toEqual(["?service=registry&scope=repository%3Ateam%2Fapp%3Apull anonymous"]);
  });

  it("shows credentials only to the token server", async () => {
    auth = "bearer";
    await resolve("v4", { username: "u", password: "p" });
    expect(tokenRequests[0]).toContain(`Basic ${Buffer.from("u:p").toString("base64")}`);
  });

  it("knows basic authentication", async () => {
    auth = "basic";
    expect(await resolve("v4", { username: "u", password: "p" })).toEqual(expected);
    await expect(resolve("v4")).rejects.toThrow(`${host}/team/app:v4: the registry answers HTTP 401`);
  });

  it("refuses an unknown tag", async () => {
    await expect(resolve("v5")).rejects.toThrow(`${host}/team/app:v5: there is no such tag`);
  });

  it("refuses the manifest of one platform", async () => {
    const type = "application/vnd.oci.image.manifest.v1+json";
    manifests.set("one", { type, body: JSON.stringify({ mediaType: type, layers: [] }) });
    await expect(resolve("one")).rejects.toThrow(`is the manifest of one platform (${type}), not an index`);
  });

  it("refuses bytes that do not have the claimed digest", async () => {
    manifests.set("bent", { type: ociIndex, body: index("linux/amd64"), claimed: sha256("else") });
    await expect(resolve("bent")).rejects.toThrow(`the registry says ${sha256("else")}, but its bytes have`);
  });

  it("refuses what is no JSON", async () => {
    manifests.set("html", { type: "text/html", body: "<html>" });
    await expect(resolve("html")).rejects.toThrow("the answer is no JSON");
  });

  it("names the registry that does not answer", async () => {
    await expect(resolveTag({ host: "127.0.0.1:1", path: "team/app" }, "v4")).rejects.toThrow(
      /^127\.0\.0\.1:1: no answer/,
    );
  });

  it("reads a challenge", () => {
    expect(parseChallenge('Bearer realm="https://a/t",service="s"')).toEqual({
      realm: "https://a/t",
      service: "s",
    });
    expect(parseChallenge('Basic realm="a"')).toBeUndefined();
  });
});

describe("replaceReference", () => {
  it("changes one reference and the remark above it, nothing else", () => {
    const edited = replaceReference(source, "traefik", oldRef, "new-ref", "registry (index, asked today)");
    expect(edited).toBe(
      source
        .replace(oldRef, "new-ref")
        .replace("corroborated (index, build of 2026-09-17)", "registry (index, asked today)"),
    );
  });

  it("adds a remark where there is none", () => {
    const bare = `x = {\n  traefik: { ref: "${oldRef}" },\n}`;
    expect(replaceReference(bare, "traefik", oldRef, "new", "registry (x)")).toBe(
      'x = {\n  // registry (x)\n  traefik: { ref: "new" },\n}',
    );
  });

  it("refuses a source that holds the reference twice or not at all", () => {
    expect(() => replaceReference(source + source, "traefik", oldRef, "new", "r")).toThrow("found 2 times");
    expect(() => replaceReference("", "traefik", oldRef, "new", "r")).toThrow("found 0 times");
  });
});

const pin = async (...args: readonly string[]): Promise<string> => {
  const lines: string[] = [];
  await pinImage([...args, "--catalogue", catalogueFile], (line) => lines.push(line));
  return lines.join("\n");
};

describe("images:pin", () => {
  it("writes the digest into the catalogue and leaves nothing beside it", async () => {
    await pin("traefik", "v4", "--repository", `${host}/team/app`);
    const ref = `${host}/team/app:v4@${sha256(index("linux/arm64", "linux/amd64", "linux/amd64"))}`;
    const text = readFileSync(catalogueFile, "utf8");
    expect(text).toContain(`ref: "${ref}"`);
    expect(text).toMatch(/\/\/ registry \(index, asked \d{4}-\d\d-\d\d\)\n {2}traefik: \{/);
    expect(text).toContain(`postgres:18.6@${sha256("pg")}`);
    expect(readdirSync(directory)).toEqual(["images.ts"]);
    expect(await pin("traefik", "v4", "--repository", `${host}/team/app`)).toContain("nothing to change");
  });

  it.each([
    ["an unknown name", ["traefk", "v4"], 'NAME: "traefk" is not in the catalogue; did you mean traefik?'],
    ["no tag", ["traefik"], "NAME and TAG are needed"],
    ["a bad tag", ["traefik", "v4@x"], 'TAG: "v4@x" is not a tag'],
    ["an unknown flag", ["traefik", "v4", "--force"], "Unknown option '--force'"],
    [
      "no repository",
      ["app", "v4"],
      "app: the catalogue has no reference for it; pass --repository HOST/PATH",
    ],
    ["half a repository", ["app", "v4", "--repository", "team"], '--repository: "team" is not HOST/PATH'],
  ])("refuses %s and changes nothing", async (_what, args, message) => {
    await expect(pin(...args)).rejects.toThrow(message);
    expect(readFileSync(catalogueFile, "utf8")).toBe(source);
  });

  it("refuses an index that lacks a platform", async () => {
    manifests.set("half", { type: ociIndex, body: index("linux/amd64", "windows/amd64") });
    await expect(pin("traefik", "half", "--repository", `${host}/team/app`)).rejects.toThrow(
      "traefik: the index of half lacks linux/arm64; it has linux/amd64, windows/amd64; nothing was changed",
    );
    expect(readFileSync(catalogueFile, "utf8")).toBe(source);
  });

  it("changes nothing on a dry run", async () => {
    expect(await pin("traefik", "v4", "--repository", `${host}/team/app`, "--dry-run")).toContain("  -> ");
    expect(readFileSync(catalogueFile, "utf8")).toBe(source);
  });

  it("shows the setting for an image that has no entry to edit", async () => {
    expect(await pin("app", "v4", "--repository", `${host}/team/app`)).toContain(
      `pulumi config set --path 'platform:images.app' ${host}/team/app:v4@sha256:`,
    );
    expect(readFileSync(catalogueFile, "utf8")).toBe(source);
  });

  it("as a command: one error text, no trace, exit code 1", async () => {
    const result = await run(process.execPath, [repositoryFile("scripts/images-pin.ts"), "traefk", "v4"]);
    expect(result).toEqual({
      code: 1,
      stdout: "",
      stderr: 'error: NAME: "traefk" is not in the catalogue; did you mean traefik?\n',
    });
  });
});
