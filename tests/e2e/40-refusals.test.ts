import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import type { Result } from "../../rig/stack.ts";
import { fingerprint } from "./fingerprint.ts";
import { execute, platform } from "./support.ts";

const stack = platform();
let before: { readonly host: readonly string[]; readonly state: string };

const state = async (): Promise<string> => {
  const exported = await stack.engine(["stack", "export"]);
  const { deployment } = JSON.parse(exported.stdout) as {
    deployment: { resources: { urn: string; id?: string; modified?: string }[] };
  };
  return deployment.resources
    .map((r) => `${r.urn} ${r.id ?? ""}`)
    .sort() // the order in which components were noted says nothing
    .join("\n");
};

const up = (): Promise<Result> => stack.pulumi(["up", "--yes", "--skip-preview"]);
const said = (result: Result): string => result.stdout + result.stderr;

beforeAll(async () => {
  before = { host: await fingerprint(stack), state: await state() };
});

/** Whatever was refused: the host and the record of the stack are what they were. */
afterEach(async () => {
  await stack.configure();
  expect(await fingerprint(stack)).toEqual(before.host);
  expect(await state()).toBe(before.state);
});

/** A run that failed on the way has recorded the settings it tried; the next one records what holds again. */
afterAll(async () => {
  const back = await up();
  if (back.code !== 0) throw new Error(`the stack cannot be brought up again: ${said(back)}`);
});

describe("a bad setting", () => {
  const bad: readonly (readonly [key: string, over: Record<string, unknown>])[] = [
    ["prefix", { "platform:prefix": "HC_Local" }],
    ["domain", { "platform:domain": "not a domain" }],
    ["profile", { "platform:profile": "huge" }],
    ["baaReference", { "platform:handlesPhi": true }],
    [
      "adminCidrs",
      {
        "platform:adminCidrs": ["0.0.0.0/0"],
        "platform:handlesPhi": true,
        "platform:baaReference": "contracts/baa.pdf",
      },
    ],
    ['vps: profile "tiny" does not fit', { "platform:vps": { memoryMiB: 1024 } }],
    ["host.sshPort", { "platform:host": { sshPort: 70_000 } }],
    ["host.hostKey", { "platform:host": { hostKey: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7" } }],
    ["host.timeSync", { "platform:host": { timeSync: "sometimes" } }],
    ["host.dataDirectory", { "platform:host": { dataDirectory: "/var/lib/rancher/data" } }],
    ["cluster.version", { "platform:cluster": { version: "v1.2.3+k3s1" } }],
    ["cluster.flannelBackend", { "platform:cluster": { flannelBackend: "magic" } }],
    ["cluster.serviceCidr", { "platform:cluster": { serviceCidr: "10.42.0.0/16" } }],
    ["cluster.artifacts", { "platform:cluster": { artifacts: { manifestSha256: "abc" } } }],
    ["images.postgres", { "platform:images": { postgres: "postgres:latest" } }],
    ["data.postgres.storageGiB", { "platform:data": { postgres: { storageGiB: 0 } } }],
    ["app.healthPath", { "platform:app": { healthPath: "no-slash" } }],
    ["clsuter: unknown key; did you mean cluster?", { "platform:clsuter": { source: "own" } }],
  ];

  it.each(bad)("%s is refused by name before anything runs", async (key, over) => {
    await stack.configure(over);
    const result = await up();
    expect(result.code).not.toBe(0);
    expect(said(result)).toContain(key);
    expect(said(result)).not.toMatch(/ {4}at .*node_modules/); // a message, not a stack trace
  });

  it("does not hide the next: all of them come in one message", async () => {
    await stack.configure(
      Object.assign({}, ...bad.slice(0, 3).map(([, over]) => over)) as Record<string, unknown>,
    );
    const result = await up();
    expect(result.code).not.toBe(0);
    for (const [key] of bad.slice(0, 3)) expect(said(result)).toContain(key);
  });
});

describe("an unknown host", () => {
  const scratch = mkdtempSync(join(tmpdir(), "platform-hostkey-"));
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  it("with another host key stops everything before the first command", async () => {
    await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(scratch, "key")]);
    const [type, key] = readFileSync(join(scratch, "key.pub"), "utf8").split(" ");
    await stack.configure({ "platform:host": { hostKey: `${String(type)} ${String(key)}`, generation: 2 } });
    const result = await up();
    expect(result.code).not.toBe(0);
    expect(said(result)).toMatch(/host key/i);
  });
});

describe("artifacts", () => {
  it("with another digest than the pinned one change nothing", async () => {
    await stack.configure({ "platform:cluster": { artifacts: { manifestSha256: "0".repeat(64) } } });
    const result = await up();
    expect(result.code).not.toBe(0);
    expect(said(result)).toMatch(/cluster\.artifacts\.manifestSha256: 0{64} is pinned/);
  });
});

describe("a volume", () => {
  const preview = async (walGiB: number): Promise<Result> => {
    await stack.configure({ "platform:data": { postgres: { walGiB } } });
    return stack.pulumi(["preview", "--diff"]);
  };

  it("cannot be made smaller: already the preview is refused, and names it", async () => {
    const result = await preview(1);
    expect(result.code).not.toBe(0);
    expect(said(result)).toMatch(/postgres-wal.*can not be less than/);
  });

  it("can be made larger, in place", async () => {
    const result = await preview(3);
    expect(said(result)).toMatch(
      /~ kubernetes:core\/v1:PersistentVolumeClaim: \(update\)[^\n]*\n *\[id=hc-local-data\/postgres-wal\]/,
    );
    expect(result.code).toBe(0);
  });
});

describe("the passphrase", () => {
  it("that is wrong stops everything, and the message says what it is", async () => {
    const file = join(stack.directory, "passphrase");
    const right = readFileSync(file);
    writeFileSync(file, "not-the-passphrase");
    try {
      const result = await up();
      expect(result.code).not.toBe(0);
      expect(said(result)).toMatch(/incorrect passphrase/);
    } finally {
      writeFileSync(file, right);
    }
  });
});
