import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backupScripts } from "../../../components/data/backupScripts.ts";

/** `drill.sh` as it is, with a store and a server of our own: what it leaves behind. */

let box: string;
beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), "drill-"));
  for (const directory of ["bin", "tmp", "restored"]) mkdirSync(join(box, directory));
});
afterEach(() => {
  rmSync(box, { recursive: true, force: true });
});

const fake = (name: string, body: string, interpreter = "/usr/bin/env bash"): void => {
  const path = join(box, "bin", name);
  writeFileSync(path, `#!${interpreter}\n${body}\n`);
  chmodSync(path, 0o755);
};

const backup = { backup_name: "base_000000010000000000000002", system_identifier: 77, uncompressed_size: 99 };
const fingerprintAt = (): number => Math.floor(Date.now() / 1000) - 60;

/** A store with one backup, and a server that answers as a restored one does. */
const sound = (heartbeatAge = "7"): void => {
  const listing = JSON.stringify([{ ...backup, finish_time: "2026-01-01T01:00:00Z" }]);
  fake(
    "wal-g",
    `case $1 in
      backup-list) printf '%s' '${listing}' ;;
      wal-fetch) touch "$3" ;;
      backup-fetch) mkdir -p "$2/global" && touch "$2/PG_VERSION" "$2/global/pg_control" ;;
    esac`,
  );
  // Not a shell: in the background it could not be told to end, and nothing can before its program has begun.
  fake(
    "postgres",
    `const { rmSync, writeFileSync } = require("node:fs");
    process.on("SIGINT", () => { rmSync("${box}/running"); process.exit(0); });
    writeFileSync("${box}/running", "");
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGINT"), 100);`,
    process.execPath,
  );
  fake(
    "psql",
    `case $* in
      *pg_is_in_recovery*) [[ ! -e '${box}/running' ]] || echo f ;;
      *platform.heartbeat*) echo '${heartbeatAge}' ;;
      *string_agg*) echo ;;
      *'ORDER BY at DESC'*) echo "812 ${String(fingerprintAt())} 2026-01-01T01:00:00Z" ;;
      *) echo '3 42' ;;
    esac`,
  );
  fake("pg_controldata", "echo 'max_connections setting: 100'");
  for (const name of ["pg_amcheck", "pg_dump"]) fake(name, "exit 0");
};
const unreachable = (): void => {
  fake("wal-g", "exit 1");
};

const drill = (): { readonly status: number | null; readonly said: string } => {
  const places = { evidence_root: box, restore_root: join(box, "restored"), pg_bin: join(box, "bin") };
  const script = Object.entries(places).reduce(
    (text, [name, value]) => text.replace(new RegExp(`^${name}='[^']*'`, "m"), `${name}='${value}'`),
    // First: the box itself may lie below /tmp.
    (backupScripts()["drill.sh"] ?? "").replaceAll("/tmp/", `${box}/tmp/`),
  );
  const file = join(box, "drill.sh");
  writeFileSync(file, script);
  const { status, stdout, stderr } = spawnSync("bash", [file], {
    env: {
      PATH: process.env["PATH"] ?? "",
      PLATFORM_WALG: join(box, "bin/wal-g"),
      WALG_S3_PREFIX: "s3://b/p",
    },
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, said: `${stdout}${stderr}` };
};

const evidence = (): Readonly<Record<string, unknown>> => {
  const newest = readdirSync(join(box, "evidence")).toSorted().at(-1) ?? "";
  expect(newest).toMatch(/^\d{8}T\d{6}Z\.json$/);
  return JSON.parse(readFileSync(join(box, "evidence", newest), "utf8")) as Record<string, unknown>;
};
const metricsFile = (): string => join(box, "drill.prom");
/** By name, without `platform_restore_drill_`. */
const metrics = (): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...readFileSync(metricsFile(), "utf8").matchAll(/^platform_restore_drill_(\w+) (\S+)$/gm)].map(
      ([, name = "", value]) => [name, Number(value)],
    ),
  );
const startOf = (verdict: Readonly<Record<string, unknown>>): number =>
  Date.parse(String(verdict["startedAt"])) / 1000;

/** Whole restores with real programs: seconds each, and more on a busy machine. */
const patience = 60_000;

describe("a drill that succeeds", () => {
  it(
    "leaves the same verdict, RPO and RTO as evidence, and as metrics that its group may read",
    { timeout: patience },
    () => {
      sound();
      const { status, said } = drill();
      expect(status, said).toBe(0);
      const verdict = evidence();
      expect(verdict).toMatchObject({ kind: "restore-drill", ok: true, rpoSeconds: 7, tables: 3, rows: 42 });
      expect(metrics()).toEqual({
        ok: 1,
        last_run_timestamp_seconds: startOf(verdict),
        last_success_timestamp_seconds: startOf(verdict),
        rpo_seconds: 7,
        rto_seconds: verdict["rtoSeconds"],
      });
      const mode = (path: string): string => (statSync(join(box, path)).mode & 0o777).toString(8);
      expect([mode("drill.prom"), mode("evidence")]).toEqual(["640", "700"]);
      const lines = readFileSync(metricsFile(), "utf8").trimEnd().split("\n");
      const kinds = lines.map((line) => /^# (HELP|TYPE) \S+ \S+/.exec(line)?.[1] ?? "value");
      expect(kinds).toEqual(Object.keys(metrics()).flatMap(() => ["HELP", "TYPE", "value"]));
    },
  );
});

describe("a drill that fails", () => {
  it("leaves a verdict all the same, and knows of no success when there was none", () => {
    unreachable();
    const { status, said } = drill();
    expect([status, said]).toEqual([1, expect.stringContaining("cannot list the backups in s3://b/p")]);
    const verdict = evidence();
    const unknown = { rpoSeconds: -1, rtoSeconds: -1 };
    expect(verdict).toMatchObject({ ok: false, failedStep: "choose a backup", ...unknown });
    expect(metrics()).toEqual({ ok: 0, last_run_timestamp_seconds: startOf(verdict) });
  });

  it(
    "keeps the time of the last success, in a new file, so that nobody reads half of one",
    { timeout: patience },
    () => {
      sound();
      expect(drill().status).toBe(0);
      const { last_success_timestamp_seconds: success } = metrics();
      unreachable();
      for (const _ of ["first", "second"]) {
        const before = statSync(metricsFile()).ino;
        expect(drill().status).toBe(1);
        expect(metrics()).toEqual({
          ok: 0,
          last_run_timestamp_seconds: startOf(evidence()),
          last_success_timestamp_seconds: success,
        });
        expect(statSync(metricsFile()).ino).not.toBe(before);
        expect(existsSync(`${metricsFile()}.new`)).toBe(false);
      }
    },
  );

  it(
    "writes evidence that can be read, also when the database gives no heartbeat",
    { timeout: patience },
    () => {
      sound("");
      const { status, said } = drill();
      expect([status, said]).toEqual([1, expect.stringContaining("holds no heartbeat")]);
      expect(evidence()).toMatchObject({ ok: false, failedStep: "read the heartbeat", rpoSeconds: -1 });
      expect(Object.keys(metrics())).toEqual(["ok", "last_run_timestamp_seconds", "rto_seconds"]);
    },
  );
});
