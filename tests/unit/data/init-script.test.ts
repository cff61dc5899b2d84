import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderInitScript, type InitScriptArgs } from "../../../components/data/initScript.ts";
import { postgresLayout, type PostgresLayout } from "../../../components/data/layout.ts";

/**
 * The init script on real directories with stand-ins for `initdb` and `postgres`. Not proved here: what initdb does
 * with its flags; the end-to-end tests run the real one.
 */

let scratch: string;
let layout: PostgresLayout;

const write = (path: string, text: string, executable = false): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  if (executable) chmodSync(path, 0o755);
};

/** Writes what a cluster has, then ends as told. */
const initdb = (ending: string): string => `#!/bin/bash
for a in "$@"; do case $a in --pgdata=*) d=\${a#*=};; --waldir=*) w=\${a#*=};; esac; done
[[ ! -e $d && ! -e $w ]] || { echo "initdb: not empty" >&2; exit 1; }
mkdir -p "$d" "$w"; echo "$@" >> "${scratch}/calls"; echo half > "$d/half"; ${ending}
echo 18 > "$d/PG_VERSION"; ln -s "$w" "$d/pg_wal"; rm "$d/half"`;

const useInitdb = (ending = ":"): void => {
  write(join(layout.binDirectory, "initdb"), initdb(ending), true);
};
const useVersion = (version: string): void => {
  write(join(layout.binDirectory, "postgres"), `#!/bin/bash\necho "postgres (PostgreSQL) ${version}"`, true);
};

const run = (
  options: Partial<InitScriptArgs> = {},
): { readonly code: number | null; readonly output: string } => {
  const script = renderInitScript({ layout, ...options });
  const result = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  return { code: result.status, output: result.stdout + result.stderr };
};
const data = (): string => join(layout.dataRoot, "18", "docker");
const calls = (): number =>
  existsSync(join(scratch, "calls"))
    ? readFileSync(join(scratch, "calls"), "utf8").trim().split("\n").length
    : 0;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "postgres-init-"));
  layout = {
    ...postgresLayout,
    binDirectory: join(scratch, "bin"),
    dataRoot: join(scratch, "data"),
    walRoot: join(scratch, "wal"),
    configDirectory: join(scratch, "config"),
  };
  mkdirSync(layout.dataRoot);
  mkdirSync(layout.walRoot);
  useInitdb();
  useVersion("18.6 (Debian 18.6-1)");
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe("on an empty volume", () => {
  it("makes a cluster once, with checksums, scram and a locale that no system update changes", () => {
    expect(run()).toMatchObject({ code: 0 });
    const flags = readFileSync(join(scratch, "calls"), "utf8");
    for (const flag of [
      "--data-checksums",
      "--auth-host=scram-sha-256",
      "--auth-local=peer",
      "--builtin-locale=C.UTF-8",
    ])
      expect(flags).toContain(flag);
    expect(readdirSync(data()).sort()).toEqual(["PG_VERSION", "pg_wal"]);
    expect(readdirSync(layout.walRoot)).toEqual(["18"]);
  });

  it("does nothing the second time", () => {
    run();
    const before = readdirSync(data());
    expect(run()).toMatchObject({ code: 0, output: expect.stringContaining("nothing to do") as string });
    expect(calls()).toBe(1);
    expect(readdirSync(data())).toEqual(before);
  });

  it("starts afresh after an interrupted run", () => {
    useInitdb("kill -9 $$");
    expect(run().code).not.toBe(0);
    expect(existsSync(data())).toBe(false);
    useInitdb();
    expect(run()).toMatchObject({ code: 0 });
    expect(readdirSync(data()).sort()).toEqual(["PG_VERSION", "pg_wal"]);
  });

  it("goes on when only the last step was cut off", () => {
    run();
    writeFileSync(join(layout.walRoot, ".initdb-18-started"), "");
    expect(run()).toMatchObject({ code: 0 });
    expect(calls()).toBe(1);
    expect(readdirSync(layout.walRoot)).toEqual(["18"]);
  });
});

describe("while the server of an earlier pod still runs", () => {
  it("waits for its last process, and touches nothing until then", async () => {
    const parent = `sleep 60 >/dev/null & echo "$!"; kill -KILL "$$"`; // its child goes on, and holds what it held
    const earlier = spawnSync("flock", ["--no-fork", layout.dataRoot, "bash", "-c", parent], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const child = Number(earlier.stdout);
    try {
      const init = spawn("bash", ["-c", renderInitScript({ layout })], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = new Promise((done) => init.once("exit", done));
      const said = await new Promise((done) => {
        init.stdout.once("data", (text: Buffer) => {
          done(text.toString());
        });
      });
      expect(said).toContain("a server of an earlier pod still uses this volume, waiting for its end");
      expect(calls()).toBe(0);
      process.kill(child, "SIGKILL");
      expect(await exit).toBe(0);
      expect(calls()).toBe(1);
    } finally {
      spawnSync("kill", ["-KILL", String(child)]);
    }
  });
});

describe("refuses, and changes nothing,", () => {
  const refusal = (expected: RegExp): void => {
    const before = spawnSync("find", [layout.dataRoot, layout.walRoot], { encoding: "utf8" }).stdout;
    const { code, output } = run();
    expect(code).toBe(1);
    expect(output).toMatch(expected);
    expect(calls()).toBe(0);
    expect(spawnSync("find", [layout.dataRoot, layout.walRoot], { encoding: "utf8" }).stdout).toBe(before);
  };

  it("an image of another major version", () => {
    useVersion("19.0");
    refusal(/the image holds PostgreSQL 19\.0, this configuration is for 18 .*images\.postgres/);
  });

  it.each(["17/docker/PG_VERSION", "data/PG_VERSION", "PG_VERSION"])(
    "a volume of another major version (%s)",
    (path) => {
      write(join(layout.dataRoot, path), "17\n");
      refusal(/is of version 17: this volume belongs to another major version/);
    },
  );

  it("data whose version file says something else", () => {
    write(join(data(), "PG_VERSION"), "17\n");
    refusal(/is of version 17, not 18/);
  });

  it("a directory with something in it that is no cluster", () => {
    write(join(data(), "base", "1"), "x");
    refusal(/is not empty and holds no cluster/);
  });

  it("a log without its data", () => {
    write(join(layout.walRoot, "18", "000000010000000000000001"), "x");
    refusal(/the data volume is not the one that belongs to this log/);
  });

  it("data without its log", () => {
    write(join(data(), "PG_VERSION"), "18\n");
    refusal(/volume of the write-ahead log is not the one/);
  });
});

describe("with an archive", () => {
  const script = (name: string, text: string): void => {
    write(join(layout.configDirectory, name), `#!/bin/bash\n${text}\n`);
  };
  const archive = { archiveScripts: ["guard.sh", "restore-base.sh"] };
  const nothing = (): void => {
    expect(existsSync(data())).toBe(false);
    expect(readdirSync(layout.dataRoot)).toEqual([]);
    expect(readdirSync(layout.walRoot)).toEqual([]);
  };
  /** As a base backup would be: with a directory for the log, and a process file of the server it came from. */
  const backup = (version = "18", more = ":"): string =>
    `[[ -d $PGDATA && -z $(ls -A "$PGDATA") ]] || exit 9; cd "$PGDATA"
echo ${version} > PG_VERSION; mkdir -p base pg_wal; echo x > pg_wal/seg; touch recovery.signal postmaster.pid; ${more}`;

  it("asks it before it makes a cluster, and changes nothing when it says no", () => {
    script("guard.sh", "echo 'the prefix holds another system'; exit 1");
    const { code, output } = run(archive);
    expect(code).toBe(1);
    expect(output).toMatch(/the prefix holds another system[^]*refused: the archive does not accept/);
    expect(calls()).toBe(0);
    nothing();
    script("guard.sh", "exit 0");
    expect(run(archive).code).toBe(0);
    expect(calls()).toBe(1);
  });

  it("asks no guard when there is a cluster, or when there is none to ask", () => {
    expect(run().code).toBe(0);
    script("guard.sh", "exit 1");
    expect(run(archive)).toMatchObject({ code: 0 });
  });

  it("restores instead of making one, and puts the log on its own volume", () => {
    script("restore-base.sh", backup());
    expect(run({ ...archive, bootstrap: "restore" })).toMatchObject({ code: 0 });
    expect(calls()).toBe(0);
    expect(readdirSync(data()).sort()).toEqual(["PG_VERSION", "base", "pg_wal", "recovery.signal"]);
    expect(readlinkSync(join(data(), "pg_wal"))).toBe(join(layout.walRoot, "18"));
    expect(readdirSync(join(layout.walRoot, "18"))).toEqual(["seg"]);
    expect(run({ ...archive, bootstrap: "restore" }).output).toContain("nothing to do");
  });

  it.each([
    ["fails", "exit 74", /no backup could be restored/],
    ["leaves nothing", ":", /the backup holds no cluster/],
    ["is of another major version", backup("17"), /of version 17, not 18/],
    ["would not recover", backup("18", "rm recovery.signal"), /recovery\.signal/],
  ])("starts no server when the restore %s, and tries again from nothing", (_what, text, error) => {
    script("restore-base.sh", text);
    const first = run({ ...archive, bootstrap: "restore" });
    expect(first.code).toBe(1);
    expect(first.output).toMatch(error);
    expect(existsSync(data())).toBe(false);
    script("restore-base.sh", backup());
    expect(run({ ...archive, bootstrap: "restore" }).code).toBe(0);
  });
});
