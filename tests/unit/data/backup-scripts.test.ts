import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { archiveScripts, backupScripts, shellFile } from "../../../components/data/backupScripts.ts";

/** The scripts as they are, with a wal-g of our own in front of them. */

let box: string;
beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), "backup-scripts-"));
  mkdirSync(join(box, "bin"));
});
afterEach(() => {
  rmSync(box, { recursive: true, force: true });
});

const fake = (name: string, body: string): string => {
  const path = join(box, "bin", name);
  writeFileSync(path, `#!/usr/bin/env bash\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
};

interface Outcome {
  readonly status: number | null;
  readonly said: string;
}

const bash = (
  text: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Outcome => {
  const file = join(box, "script.sh");
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync("bash", [file, ...args], {
    env: {
      PATH: `${join(box, "bin")}:${process.env["PATH"] ?? ""}`,
      PLATFORM_WALG: "wal-g",
      WALG_S3_PREFIX: "s3://b/p",
      ...env,
    },
    encoding: "utf8",
    cwd: box,
  });
  return { status, said: `${stdout}${stderr}` };
};

const backup = (name: string, system: number, minute: number): object => ({
  backup_name: name,
  system_identifier: system,
  finish_time: `2026-11-23T01:${String(minute).padStart(2, "0")}:00.123Z`,
  uncompressed_size: 4096,
});
const listing = (...backups: readonly object[]): string => `printf '%s' '${JSON.stringify(backups)}'`;

describe("every script", () => {
  const all = Object.entries({ ...archiveScripts(), ...backupScripts() });
  it.each(all)("%s is sound bash", (_name, text) => {
    const file = join(box, "checked.sh");
    writeFileSync(file, text);
    expect(() => execFileSync("bash", ["-n", file], { stdio: "pipe" })).not.toThrow();
  });

  it("is all there", () => {
    expect(Object.keys(backupScripts()).sort()).toEqual([
      "archive.sh",
      "backup-keeper.sh",
      "backup.sh",
      "drill.sh",
      "fetch-wal.sh",
      "guard.sh",
      "list.sh",
      "restore-base.sh",
      "restore-check.sh",
      "restore-in-place.sh",
      "restore-scratch.sh",
      "stream.sh",
      "verify.sh",
    ]);
  });
});

describe("archive.sh", () => {
  const push = (): Outcome => bash(shellFile("archive.sh"), ["pg_wal/000000010000000000000001"]);

  it("ends as wal-g ends", () => {
    fake("wal-g", 'echo "$*"; exit 3');
    expect(push()).toEqual({ status: 3, said: "wal-push pg_wal/000000010000000000000001\n" });
  });

  it("ends a push that hangs, with a status that PostgreSQL counts as a failure", () => {
    // The real one, with less patience.
    fake("timeout", '[[ $3 == 120 ]] || exit 9; exec /usr/bin/timeout "$1" "$2" 0.2 "${@:4}"');
    fake("wal-g", "exec sleep 60");
    expect(push().status).toBe(124);
  });
});

describe("fetch-wal.sh", () => {
  const fetch = (status: number): number | null => {
    fake("wal-g", `exit ${String(status)}`);
    return bash(shellFile("fetch-wal.sh"), ["000000010000000000000001", "pg_wal/RECOVERYXLOG"]).status;
  };

  it("says 1, the end of the log, only for a file that the store does not have", () => {
    expect(fetch(0)).toBe(0);
    expect(fetch(74)).toBe(1);
  });

  it.each([1, 2, 70, 127])("aborts the recovery when wal-g ends with %i", (status) => {
    expect(fetch(status)).toBeGreaterThanOrEqual(126);
  });
});

describe("fetch-wal.sh, where the archive ends", () => {
  /** Beginning of a piece: magic, flags, timeline, position. */
  const head = (timeline: number, position: bigint): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt16LE(0xd118, 0);
    bytes.writeUInt32LE(timeline, 4);
    bytes.writeBigUInt64LE(position, 8);
    return bytes;
  };
  /** What it asks for, and what PostgreSQL gets. */
  const fetch = (name: string, streamed: Buffer | number) => {
    writeFileSync(join(box, "streamed"), typeof streamed === "number" ? "" : streamed);
    const answer = typeof streamed === "number" ? `exit ${String(streamed)}` : `cp '${box}/streamed' "$3"`;
    fake(
      "wal-g",
      `echo "$WALG_S3_PREFIX $2" >>'${box}/calls'; case $WALG_S3_PREFIX in */stream) ${answer} ;; *) exit 74 ;; esac`,
    );
    const { status, said } = bash(shellFile("fetch-wal.sh"), [name, "RECOVERYXLOG"]);
    const calls = readFileSync(join(box, "calls"), "utf8").trim().split("\n");
    const given = existsSync(join(box, "RECOVERYXLOG"));
    return { status, said, calls, given, left: existsSync(join(box, "RECOVERYXLOG.streamed")) };
  };
  const piece = "0000000200000003000000AB";
  const position = 0x3ab000000n;

  it("takes what was streamed of this piece, on this timeline", () => {
    expect(fetch(piece, head(2, position))).toMatchObject({
      status: 0,
      given: true,
      left: false,
      calls: [`s3://b/p ${piece}`, "s3://b/p/stream 00000000000000000000000B.partial"],
    });
  });

  it.each([
    ["another timeline", head(1, position)],
    ["an older piece with the same last digit", head(2, position - 0x10000000n)],
    ["no head at all", Buffer.alloc(3)],
    ["nothing", 74],
  ])("%s is the end of the log", (_what, streamed) => {
    const found = fetch(piece, streamed);
    expect(found).toMatchObject({ status: 1, given: false, left: false });
    expect(found.said).not.toContain("WARNING");
  });

  it("aborts the recovery when the store does not answer, or the key is wrong", () => {
    expect(fetch(piece, 1)).toMatchObject({ status: 200, given: false });
  });

  it.each([
    [piece, "0000000200000003000000AC"],
    ["0000000200000003000000FF", "000000020000000400000000"],
  ])("%s missing while the piece behind it is stored is told", (missing, behind) => {
    fake(
      "wal-g",
      `echo "$WALG_S3_PREFIX $2" >>'${box}/calls'; [ $2 = ${behind} ] && cp '${box}/calls' "$3" || exit 74`,
    );
    const { status, said } = bash(shellFile("fetch-wal.sh"), [missing, "RECOVERYXLOG"]);
    expect([status, said]).toEqual([
      1,
      `fetch-wal: WARNING: ${missing} is missing in s3://b/p and ${behind} behind it is not: the log is replayed to there, what was written later is not restored\n`,
    ]);
    expect(readFileSync(join(box, "calls"), "utf8").trim().split("\n").at(-1)).toBe(`s3://b/p ${behind}`);
    expect(existsSync(join(box, "RECOVERYXLOG.next"))).toBe(false);
  });

  it("asks for pieces only: nobody streams the history of a timeline", () => {
    expect(fetch("00000002.history", head(2, position))).toMatchObject({
      status: 1,
      calls: ["s3://b/p 00000002.history"],
    });
  });
});

describe("guard.sh", () => {
  const guard = (list: string, log: string): Outcome => {
    fake("wal-g", `case $1 in backup-list) ${list} ;; wal-show) ${log} ;; esac`);
    return bash(archiveScripts()["guard.sh"] ?? "");
  };

  it("lets a new cluster into an empty prefix", () => {
    expect(guard("echo 'INFO: No backups found' >&2", "printf '[]'")).toMatchObject({ status: 0 });
  });

  it("refuses a prefix with backups, and says what to set", () => {
    const { status, said } = guard(listing(backup("base_000000010000000000000002", 77, 3)), "printf '[]'");
    expect(status).toBe(1);
    expect(said).toContain("base_000000010000000000000002 77");
    expect(said).toContain("data.postgres.bootstrap");
    expect(said).toContain("data.backup.prefix");
  });

  it("refuses a prefix with the log of another system", () => {
    const { status, said } = guard("true", `printf '[{"start_segment":"000000010000000000000001"}]'`);
    expect([status, said]).toEqual([1, expect.stringContaining("write-ahead log of another system")]);
  });

  it("refuses when the store does not answer: nobody knows what is there", () => {
    expect(guard("exit 1", "exit 1").status).toBe(1);
    // The old way to say "no backups" is also what an unreachable store looks like.
    expect(guard("echo 'INFO: No backups found' >&2", "echo timeout; exit 1").status).toBe(1);
  });
});

describe("backup.sh", () => {
  const control = (system: number, timeline: number): void => {
    fake(
      "pg_controldata",
      `printf 'Database system identifier:           ${String(system)}\\nLatest checkpoint'"'"'s TimeLineID:       ${String(timeline)}\\n'`,
    );
  };
  const run = (
    list: string,
    remove = "true",
    env: Readonly<Record<string, string>> = {},
  ): Outcome & { readonly calls: readonly string[] } => {
    const calls = join(box, "calls");
    fake("wal-g", `echo "$*" >>'${calls}'\ncase $1 in backup-list) ${list} ;; delete) ${remove} ;; esac`);
    writeFileSync(join(box, "password"), "x");
    const text = (backupScripts()["backup.sh"] ?? "").replace(
      /pg_bin='[^']*'/,
      `pg_bin='${join(box, "bin")}'`,
    );
    const outcome = bash(text, [], {
      PLATFORM_PASSWORD_FILE: join(box, "password"),
      PLATFORM_RETAIN_FULL: "7",
      ...env,
    });
    return { ...outcome, calls: existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [] };
  };
  const data = "/var/lib/postgresql/18/docker";
  const retention = ["delete retain FULL 7 --use-sentinel-time --confirm", "delete garbage --confirm"];

  it("pushes, then keeps the newest full backups by time", () => {
    control(77, 1);
    const { status, calls } = run(listing(backup("base_000000010000000000000002", 77, 3)));
    expect(status).toBe(0);
    expect(calls.filter((call) => !call.startsWith("backup-list"))).toEqual([
      `backup-push ${data}`,
      ...retention,
    ]);
  });

  it("makes a full one on a new timeline: a delta could miss what was written there", () => {
    control(77, 2);
    const { calls } = run(listing(backup("base_000000010000000000000002", 77, 3)));
    expect(calls).toContain(`backup-push ${data} --full`);
  });

  it("refuses to mix with the backups of another system", () => {
    control(78, 1);
    const { status, said, calls } = run(listing(backup("base_000000010000000000000002", 77, 3)));
    expect([status, said]).toEqual([1, expect.stringContaining("of the system 77, this one is 78")]);
    expect(calls).not.toContain(`backup-push ${data}`);
  });

  it("is no failure when the credentials may not delete, and one when deleting fails for another reason", () => {
    control(77, 1);
    const one = listing(backup("base_000000010000000000000002", 77, 3));
    const denied = run(one, "echo 'ERROR: AccessDenied: Access Denied'; exit 1");
    expect([denied.status, denied.said]).toEqual([0, expect.stringContaining("life-cycle rule")]);
    expect(run(one, "echo 'ERROR: SlowDown'; exit 1").status).toBe(1);
  });

  /** A server that archives `after` looks. */
  const withFingerprint = (after: number): Outcome & { readonly calls: readonly string[] } => {
    control(77, 1);
    fake("sleep", "true");
    fake(
      "psql",
      `statement=\${!#}; echo "psql \${statement#--command=}" >>'${join(box, "calls")}'
case $statement in *take_fingerprint*) echo 4 ;; *walfile_name*) echo 000000010000000000000007 ;;
  *last_archived_wal*) if (($(grep -c last_archived_wal '${join(box, "calls")}') > ${String(after)})); then echo t; else echo f; fi ;; esac`,
    );
    const one = listing(backup("base_000000010000000000000002", 77, 3));
    return run(one, "true", { PLATFORM_FINGERPRINT_SECONDS: "60" });
  };

  it("ends when the log with the fingerprint is in the store: a drill right after it finds it there", () => {
    const { status, said, calls } = withFingerprint(2);
    expect([status, said]).toEqual([0, expect.stringMatching(/: fingerprint of 4 tables, in the store$/m)]);
    const looks = "psql SELECT last_archived_wal >= '000000010000000000000007' FROM pg_stat_archiver";
    expect(calls.filter((call) => call.startsWith("psql"))).toEqual([
      "psql SELECT platform.take_fingerprint()",
      "psql SELECT pg_walfile_name(pg_current_wal_insert_lsn())",
      "psql SELECT pg_switch_wal()",
      ...[looks, looks, looks],
    ]);
  });

  it("is no failure when the log does not arrive in time, and says so", () => {
    const { status, said, calls } = withFingerprint(1000);
    expect([status, said]).toEqual([0, expect.stringContaining("4 tables, NOT yet in the store")]);
    expect(calls.filter((call) => call.includes("last_archived_wal"))).toHaveLength(150);
  });
});

describe("verify.sh", () => {
  const verify = (json: string): Outcome => {
    fake("wal-g", `printf '%s' '${json}'`);
    fake("sleep", "true");
    writeFileSync(join(box, "password"), "x");
    return bash(backupScripts()["verify.sh"] ?? "", [], { PLATFORM_PASSWORD_FILE: join(box, "password") });
  };
  const verdict = (integrity: string, timeline: string): string =>
    `{"integrity":{"status":"${integrity}","details":[{"status":"FOUND"}]},"timeline":{"status":"${timeline}","details":{}}}`;

  it("needs both verdicts to be OK", () => {
    expect(verify(verdict("OK", "OK")).status).toBe(0);
    expect(verify(verdict("FAILURE", "OK")).status).toBe(1);
    expect(verify(verdict("OK", "FAILURE")).status).toBe(1);
    expect(verify("").status).toBe(1);
  });

  it("waits for a segment on its way, but not for ever", () => {
    const { status, said } = verify(verdict("WARNING", "OK"));
    expect([status, said]).toEqual([1, expect.stringContaining("try 6: integrity=WARNING timeline=OK")]);
  });
});

describe("choosing a backup", () => {
  const choose = (...args: readonly string[]): Outcome => {
    fake(
      "wal-g",
      listing(
        backup("base_000000020000000000000009", 77, 30),
        backup("base_000000010000000000000002", 77, 10),
        backup("base_000000010000000000000005_D_000000010000000000000002", 77, 20),
      ),
    );
    const header = "set -euo pipefail\n";
    const text = `${header}${shellFile("walg.sh")}${shellFile("restore-lib.sh")}choose_backup "$@"\necho "chosen=$chosen"`;
    return bash(text, args);
  };
  const second = (minute: number): string => String(Date.UTC(2026, 10, 23, 1, minute, 0) / 1000);

  it("takes the newest by time, whatever their names", () => {
    expect(choose("LATEST").said).toContain("chosen=base_000000020000000000000009\n");
  });

  it("takes the newest that had ended before a time", () => {
    expect(choose("LATEST", second(25)).said).toContain("chosen=base_000000010000000000000005_D_");
    expect(choose("LATEST", second(9))).toMatchObject({ status: 1 });
  });

  it("takes the one that is named, and none instead of it", () => {
    expect(choose("base_000000010000000000000002").said).toContain("chosen=base_000000010000000000000002\n");
    const { status, said } = choose("base_000000010000000000000003");
    expect([status, said]).toEqual([1, expect.stringContaining("there are:")]);
  });
});

describe("the time of a restore", () => {
  const read = (time: string): string =>
    bash(
      `set -euo pipefail\n${shellFile("walg.sh")}${shellFile("restore-lib.sh")}read_target\necho "\${target[*]}|$until_seconds"`,
      [],
      { PLATFORM_RESTORE_TIME: time },
    ).said.trim();

  it("is written with an offset: PostgreSQL refuses a Z in its configuration", () => {
    expect(read("2026-11-23T11:16:06.352612Z")).toBe(
      "recovery_target_time = '2026-11-23 11:16:06.352612+00'|1795432566",
    );
    expect(read("2026-11-23 12:16:06+01:00")).toBe(
      "recovery_target_time = '2026-11-23 11:16:06.000000+00'|1795432566",
    );
  });

  it("may be missing", () => {
    expect(read("")).toBe("|");
  });
});

describe("restore-in-place.sh", () => {
  it("touches nothing while a server holds the volume", () => {
    mkdirSync(join(box, "volume", "18", "docker.restored"), { recursive: true });
    fake("flock", `[[ $* == "--timeout 120 9" ]] && exit 1`);
    fake("wal-g", `touch '${join(box, "asked")}'`);
    const text = (backupScripts()["restore-in-place.sh"] ?? "").replace(
      /^data='[^']*'/m,
      `data='${join(box, "volume", "18", "docker")}'`,
    );
    const { status, said } = bash(text, [], { PLATFORM_RESTORE_BACKUP: "LATEST" });
    expect([status, said]).toEqual([
      1,
      `script: refused: a server still uses ${join(box, "volume")}; it has to end first, nothing was changed\n`,
    ]);
    expect(existsSync(join(box, "asked"))).toBe(false);
    expect(readdirSync(join(box, "volume", "18"))).toEqual(["docker.restored"]);
  });
});

describe("walg-binary.sh", () => {
  const content = "#!/bin/sh\necho v3.0.9\n";
  const sha256 = createHash("sha256").update(content).digest("hex");
  const install = (digest: string): Outcome & { readonly downloads: number } => {
    const counter = join(box, "downloads");
    fake(
      "curl",
      `echo x >>'${counter}'\nwhile (($#)); do [[ $1 != --output ]] || out=$2; shift; done\nprintf '%s' ${JSON.stringify(content).replaceAll("\\n", "'\n'")} >"$out"`,
    );
    writeFileSync(join(box, "content"), content);
    fake(
      "curl",
      `echo x >>'${counter}'\nwhile (($#)); do [[ $1 != --output ]] || out=$2; shift; done\ncp '${join(box, "content")}' "$out"`,
    );
    const outcome = bash(shellFile("walg-binary.sh"), [], {
      WALG_URL: "https://example.com/wal-g",
      WALG_SHA256: digest,
      WALG_DIRECTORY: join(box, "kept"),
    });
    return { ...outcome, downloads: existsSync(counter) ? readFileSync(counter, "utf8").length / 2 : 0 };
  };

  it("downloads once and needs no network afterwards", () => {
    expect(install(sha256)).toMatchObject({ status: 0, downloads: 1 });
    expect(install(sha256)).toMatchObject({ status: 0, downloads: 1 });
    expect(execFileSync(join(box, "kept", "wal-g"), { encoding: "utf8" })).toBe("v3.0.9\n");
  });

  it("keeps nothing that has another digest", () => {
    const { status, said } = install("0".repeat(64));
    expect([status, said]).toEqual([1, expect.stringContaining(sha256)]);
    expect(readdirSync(join(box, "kept"))).toEqual([]);
  });

  it("repairs a kept file that has changed", () => {
    install(sha256);
    writeFileSync(join(box, "kept", "download"), "broken");
    expect(install(sha256)).toMatchObject({ status: 0, downloads: 2 });
  });
});
