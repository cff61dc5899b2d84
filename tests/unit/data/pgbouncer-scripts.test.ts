import { spawn, spawnSync } from "node:child_process";
import {
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
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pgbouncerLayout } from "../../../components/data/pgbouncerLayout.ts";
import { aliveCommand, renderReloadScript, stopCommand } from "../../../components/data/pgbouncerScripts.ts";

const lines = (path: string): readonly string[] => {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
};

/** What kubelet does when a mounted Secret changes: new files, then one rename of the link. */
const publish = (directory: string, version: string): void => {
  const link = join(directory, "..data");
  symlinkSync(version, `${link}.new`);
  renameSync(`${link}.new`, link);
};

describe("the reloader", () => {
  let root: string;
  let stop: () => Promise<number | null>;
  let said: () => string;
  const path = (name: string): string => join(root, name);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "reloader-"));
    for (const name of ["config", "tls", "bin"]) mkdirSync(path(name));
    publish(path("config"), "..1");
    publish(path("tls"), "..1");
    // Stands for the console: notes what it is asked, and refuses while the file `refuse` is there.
    writeFileSync(
      path("bin/psql"),
      `#!/bin/sh\necho "$*" >>'${path("asked")}'\n[ ! -e '${path("refuse")}' ]\n`,
      { mode: 0o755 },
    );
    writeFileSync(
      path("reload.sh"),
      renderReloadScript(
        { ...pgbouncerLayout, configDirectory: path("config"), tlsDirectory: path("tls") },
        0.05,
      ),
    );
    const child = spawn("sh", [path("reload.sh")], {
      env: { PATH: `${path("bin")}:${process.env["PATH"] ?? ""}` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    said = () => output;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    stop = async () => {
      child.kill("SIGTERM");
      return await ended;
    };
  });

  afterEach(async () => {
    await stop();
    rmSync(root, { recursive: true });
  });

  const asked = (): readonly string[] => lines(path("asked"));
  const watching = (): Promise<void> =>
    vi.waitFor(() => {
      expect(said()).toContain("watching");
    });

  it.each(["config", "tls"])("reloads once when %s changes, as the console's own user", async (name) => {
    await watching();
    publish(path(name), "..2");
    await vi.waitFor(() => {
      expect(said()).toContain("reloaded");
    });
    expect(asked()).toEqual([
      "--no-psqlrc --quiet --tuples-only --host=/run/pgbouncer --port=6432 --username=pgbouncer --dbname=pgbouncer --command=RELOAD",
    ]);
  });

  it("tries again until it is taken over", async () => {
    await watching();
    writeFileSync(path("refuse"), "");
    publish(path("config"), "..2");
    await vi.waitFor(() => {
      expect(said().match(/could not reload/g)?.length).toBeGreaterThanOrEqual(2);
    });
    expect(said()).not.toContain("reloaded");
    rmSync(path("refuse"));
    await vi.waitFor(() => {
      expect(said()).toContain("reloaded");
    });
  });

  it("leaves PgBouncer alone when nothing changes, and ends at once", async () => {
    await watching();
    expect(await stop()).toBe(0);
    expect(asked()).toEqual([]);
  });

  it("is sound for the shell of a small image", () => {
    expect(spawnSync("sh", ["-n", path("reload.sh")], { encoding: "utf8" }).stderr).toBe("");
    expect(renderReloadScript(pgbouncerLayout)).toMatch(/^#!\/bin\/sh\nset -eu\n/);
  });
});

describe("commands in the pod", () => {
  it("stop: first no new clients, then the transactions in flight, and nothing before the end", () => {
    expect(stopCommand).toEqual(["sh", "-c", "sleep 5; kill -INT 1; while kill -0 1; do sleep 1; done"]);
  });

  it("alive: the event loop answers on the socket", () => {
    expect(aliveCommand).toEqual([
      "psql",
      "--no-psqlrc",
      "--quiet",
      "--tuples-only",
      "--host=/run/pgbouncer",
      "--port=6432",
      "--username=pgbouncer",
      "--dbname=pgbouncer",
      "--command=SHOW VERSION",
    ]);
  });
});
