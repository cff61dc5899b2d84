import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderCleanupScript } from "../../../components/cache/cleanupScript.ts";
import { renderKeeperScript } from "../../../components/cache/keeperScript.ts";
import { redisLayout, type RedisLayout } from "../../../components/cache/layout.ts";
import { renderProbeScript, renderRedisKeeper } from "../../../components/cache/redisScripts.ts";
import { hasShellcheck } from "../remote/syntax.ts";

/** The scripts on real directories with a stand-in for redis-cli. Not proved here: what a server answers. */

let scratch: string;
let layout: RedisLayout;

/** A redis-cli that notes its arguments and password and answers as told. */
const useClient = (body: string): void => {
  mkdirSync(join(scratch, "bin"), { recursive: true });
  const path = join(scratch, "bin", "redis-cli");
  writeFileSync(path, `#!/bin/bash\necho "$REDISCLI_AUTH: $*" >> "${scratch}/calls"\n${body}\n`);
  chmodSync(path, 0o755);
};

const environment = (): Record<string, string> => ({ PATH: `${scratch}/bin:${process.env["PATH"] ?? ""}` });
const calls = (): readonly string[] =>
  existsSync(join(scratch, "calls")) ? readFileSync(join(scratch, "calls"), "utf8").trim().split("\n") : [];

/** Writes a mounted Secret as the kubelet does: a new directory, and a link that is swapped. */
let version = 0;
const publish = (directory: string, files: Readonly<Record<string, string>>): void => {
  version += 1;
  const target = join(directory, `..v${String(version)}`);
  mkdirSync(target, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(target, name), text);
    if (!existsSync(join(directory, name))) symlinkSync(`..data/${name}`, join(directory, name));
  }
  symlinkSync(`..v${String(version)}`, join(directory, "..next"));
  renameSync(join(directory, "..next"), join(directory, "..data"));
};

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "cache-scripts-"));
  layout = {
    ...redisLayout,
    tlsDirectory: join(scratch, "tls"),
    aclDirectory: join(scratch, "acl"),
    passwordDirectory: join(scratch, "password"),
  };
  publish(layout.tlsDirectory, { "ca.crt": "ca", "tls.crt": "one", "tls.key": "one" });
  publish(layout.aclDirectory, { "users.acl": "user default off" });
  publish(layout.passwordDirectory, { probe: "probe-password", keeper: "keeper-password" });
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe("probe.sh", () => {
  const probe = (what: string): number | null =>
    spawnSync("sh", ["-c", renderProbeScript(layout), "probe.sh", what], { env: environment() }).status;

  it.each([
    ["echo PONG", 0, 0],
    ["echo 'LOADING Redis is loading the dataset in memory'", 1, 0],
    ["echo 'MISCONF Errors writing to the AOF file: No space left on device'", 1, 0],
    ["echo 'Could not connect' >&2; exit 1", 1, 1],
  ])("on %s is ready %i, alive %i", (answer, ready, alive) => {
    useClient(answer);
    expect([probe("ready"), probe("alive")]).toEqual([ready, alive]);
  });

  it("logs in as probe over TLS, with the password in the environment", () => {
    useClient("echo PONG");
    probe("ready");
    expect(calls()).toEqual([
      `probe-password: --no-auth-warning --user probe --tls --cacert ${layout.tlsDirectory}/ca.crt -h 127.0.0.1 -p 6379 ping`,
    ]);
  });
});

describe("keeper.sh", () => {
  const until = async (what: string, done: () => boolean): Promise<void> => {
    const deadline = Date.now() + 10_000;
    while (!done()) {
      if (Date.now() > deadline) throw new Error(`waited 10 s for ${what}; calls:\n${calls().join("\n")}`);
      await new Promise((next) => setTimeout(next, 20));
    }
  };
  const asked = (words: string): number => calls().filter((call) => call.includes(words)).length;
  /** Runs the keeper with short pauses while `test` goes on; returns what it said. */
  const keeping = async (test: () => Promise<void>): Promise<string> => {
    const script = renderRedisKeeper(layout).replace("pause 5", "pause 0.05");
    const child = spawn("sh", ["-c", script], { env: environment() });
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    child.stderr.on("data", (data: Buffer) => (said += data.toString()));
    const ended = new Promise<number | null>((done) => child.on("close", done));
    try {
      await test();
    } finally {
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    }
    return said;
  };
  const knowing = (password: string): string =>
    `[ "$REDISCLI_AUTH" = ${password} ] || { echo WRONGPASS; exit 0; }; case "$*" in *ping) echo PONG;; *) echo OK;; esac`;

  it("has users and certificate taken over at its start, and again when they change, each by itself", async () => {
    useClient(knowing("keeper-password"));
    await keeping(async () => {
      await until("the first round", () => asked("acl load") === 1 && asked("config set") === 1);
      publish(layout.tlsDirectory, { "tls.crt": "two", "tls.key": "two", "ca.crt": "ca" });
      await until("the certificate", () => asked("config set") === 2);
      expect(asked("acl load")).toBe(1);
      publish(layout.aclDirectory, { "users.acl": "user default off " });
      await until("the users", () => asked("acl load") === 2);
    });
    expect(calls().find((call) => call.includes("config set"))).toContain(
      `config set tls-cert-file ${layout.tlsDirectory}/tls.crt tls-key-file ${layout.tlsDirectory}/tls.key tls-ca-cert-file ${layout.tlsDirectory}/ca.crt`,
    );
  });

  it("waits for a server that is not there yet", async () => {
    useClient(`[ -e ${scratch}/up ] || exit 1\n${knowing("keeper-password")}`);
    const said = await keeping(async () => {
      await until("a try", () => calls().length > 2);
      writeFileSync(join(scratch, "up"), "");
      await until("success", () => asked("config set") === 1);
    });
    expect(said).toMatch(/waiting for the server to take over users/);
  });

  it("logs in with its former password when its own has changed, and says none of them", async () => {
    useClient(knowing("keeper-password"));
    const said = await keeping(async () => {
      await until("the first round", () => asked("config set") === 1);
      publish(layout.passwordDirectory, { probe: "probe-password", keeper: "another-password" });
      publish(layout.aclDirectory, { "users.acl": "user default off  " });
      await until("the users", () => asked("acl load") === 2);
    });
    expect(calls().at(-1)).toMatch(/^keeper-password: .*acl load$/);
    expect(said).not.toMatch(/keeper-password|another-password/);
  });

  it("asks Dragonfly to read its certificate again by the flag that does it", () => {
    expect(renderKeeperScript({ ...layout, name: "k", reloadCertificate: "config set tls true" })).toContain(
      "take_over certificate config set tls true",
    );
  });
});

describe("cleanup.sh", () => {
  const args = () => ({
    host: "dragonfly.hc-cache.svc",
    user: "cleanup",
    keyPrefix: "hc:cache:",
    passwordFile: join(layout.passwordDirectory, "keeper"),
  });
  const run = (): { readonly code: number | null; readonly output: string } => {
    // The images' shell is busybox; bash knows the same.
    const result = spawnSync("bash", ["-c", renderCleanupScript(args())], {
      env: environment(),
      encoding: "utf8",
    });
    return { code: result.status, output: result.stdout + result.stderr };
  };

  it("unlinks the cache's keys and no others, through a pipe", () => {
    useClient(`case "$*" in
      *ping) echo PONG;;
      *--scan*) printf 'hc:cache:a\\nhc:queue:notifications:wait\\nhc:cache:ü b\\n';;
      *--pipe) cat > "${scratch}/sent"; echo "errors: 0, replies: 2";;
    esac`);
    expect(run()).toMatchObject({ code: 0 });
    expect(readFileSync(join(scratch, "sent"), "utf8")).toBe(
      "*2\r\n$6\r\nUNLINK\r\n$10\r\nhc:cache:a\r\n*2\r\n$6\r\nUNLINK\r\n$13\r\nhc:cache:ü b\r\n",
    );
    expect(calls().join("\n")).not.toMatch(/keys|flush/i);
    expect(calls().at(-1)).not.toContain("hc:cache:a");
    expect(calls().some((call) => call.endsWith("--scan --pattern hc:cache:* --count 500"))).toBe(true);
  });

  it("fails when the scan fails or a reply is an error", () => {
    useClient(`case "$*" in *ping) echo PONG;; *--scan*) exit 1;; *) cat >/dev/null;; esac`);
    expect(run().code).not.toBe(0);
    useClient(`case "$*" in *ping) echo PONG;; *--scan*) echo hc:cache:a;; *) cat >/dev/null; exit 1;; esac`);
    expect(run().code).not.toBe(0);
  });

  it.each(["", "*", ":", "hc", "hc:c*:", "HC:cache:"])("refuses the prefix '%s'", (keyPrefix) => {
    expect(() => renderCleanupScript({ ...args(), keyPrefix })).toThrow(/key prefix/);
  });
});

describe("all scripts", () => {
  it.each([
    ["probe.sh", () => renderProbeScript(redisLayout)],
    ["keeper.sh", () => renderRedisKeeper(redisLayout)],
    [
      "cleanup.sh",
      () => renderCleanupScript({ host: "h", user: "u", keyPrefix: "hc:cache:", passwordFile: "/p" }),
    ],
  ])("%s is a script that shellcheck finds nothing in", (_name, render) => {
    expect(spawnSync("sh", ["-n"], { input: render(), encoding: "utf8" }).stderr).toBe("");
    if (hasShellcheck)
      expect(spawnSync("shellcheck", ["-"], { input: render(), encoding: "utf8" }).stdout).toBe("");
  });
});
