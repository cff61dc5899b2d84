import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backupScripts, evidenceRoot, restoreRoot } from "../../components/data/backupScripts.ts";
import { renderWalgEnv, storeFiles } from "../../components/data/walgEnv.ts";
import { store } from "../../rig/services.ts";
import { as, layout, startDatabase } from "../support/platformDatabase.ts";
import { pod as addresses, type PostgresPod, type Result } from "../support/postgresPod.ts";
import { damage, filesHolding, keys } from "../support/store.ts";

/**
 * Backups and restores with the image's own wal-g and PostgreSQL, our scripts and an object store, without a cluster.
 * The scripts run beside the server here, where on a host each has a pod.
 */

const name = "engine";
const prefix = "pg18/engine";
const table = "public.orders";
const canary = "canary-of-the-restore";
const scripts = "/etc/platform/backup";
const data = `${layout.dataRoot}/18/docker`;

let pod: PostgresPod;
let env: readonly string[];

/** What pods get from the platform; no value is secret. */
const environment = async (): Promise<readonly string[]> => {
  const settings = {
    endpoint: await store(["url", name]),
    bucket: await store(["bucket", name]),
    prefix,
    region: await store(["region", name]),
    pathStyle: true,
    caCertificate: await store(["ca", name]),
    deltaMaxSteps: 6,
    networkRateLimitMiBps: undefined,
  };
  return [
    ...renderWalgEnv(settings, 256).map(({ name: key, value }) => `${key}=${String(value)}`),
    "PLATFORM_WALG=wal-g",
    "PATH=/usr/local/bin:/usr/lib/postgresql/18/bin:/usr/bin:/bin:/usr/sbin:/sbin",
  ];
};

const mountSecrets = async (): Promise<void> => {
  const app = JSON.parse(await store(["credentials", name, "app"])) as Record<string, string>;
  pod.mount(storeFiles.directory, {
    [storeFiles.credentials]: `[default]\naws_access_key_id = ${app["accessKeyId"] ?? ""}\naws_secret_access_key = ${app["secretAccessKey"] ?? ""}\n`,
    [storeFiles.encryptionKey]: "ab".repeat(32),
    [storeFiles.ca]: `${await store(["ca", name])}\n`,
    password: as("backup").password,
  });
};

/** Runs one of our scripts to its end. */
const run = (script: string, ...more: readonly string[]): Result =>
  pod.exec([
    "env",
    ...env,
    ...["PGHOST=postgres", "PGUSER=backup", "PGDATABASE=userdb"],
    ...["PGSSLMODE=verify-full", `PGSSLROOTCERT=${layout.tlsDirectory}/ca.crt`],
    ...[`PLATFORM_PASSWORD_FILE=${storeFiles.directory}/password`, "PLATFORM_RETAIN_FULL=7"],
    ...["PLATFORM_FINGERPRINT_SECONDS=60", ...more],
    ...["bash", `${scripts}/${script}.sh`],
  ]);

const ask = (sql: string): string => {
  const { code, stdout, stderr } = pod.superuser(sql);
  expect(code, stderr).toBe(0);
  return stdout;
};

const fingerprint = `SELECT count(*) || ' ' || md5(string_agg(t::text, chr(10) ORDER BY id)) FROM ${table} AS t`;

const backups = (): readonly string[] =>
  run("list")
    .stdout.split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((one) => one.startsWith("base_"));

const untilArchived = (): Promise<void> => {
  const last = ask("SELECT pg_walfile_name(pg_switch_wal())");
  return pod.until(`${last} is archived`, () =>
    ask(`SELECT coalesce(last_archived_wal >= '${last}', false) FROM pg_stat_archiver`).startsWith("t"),
  );
};

beforeAll(async () => {
  await store(["destroy", name]);
  await store(["start", name]);
  env = await environment();
  pod = await startDatabase({
    archiveLines: [
      "archive_mode = on",
      `archive_command = 'env -i ${env.join(" ")} bash ${scripts}/archive.sh "%p"'`,
    ],
  });
  writeFileSync(join(pod.root, "etc/hosts"), `${addresses.server} postgres\n`);
  const { hostname, port } = new URL(await store(["url", name]));
  await pod.reach(hostname, Number(port));
  const inPod = `scripts='${layout.configDirectory}'`;
  pod.mount(
    scripts,
    Object.fromEntries(
      Object.entries(backupScripts()).map(([file, text]) => [
        file,
        text.replace(inPod, `scripts='${scripts}'`),
      ]),
    ),
  );
  await mountSecrets();
  pod.volume(restoreRoot);
  pod.volume(evidenceRoot);
});

afterAll(async () => {
  await (pod as PostgresPod | undefined)?.destroy();
  await store(["destroy", name]);
});

describe("backups", () => {
  it("of a new system begin with a full one, into a prefix that nobody uses", () => {
    expect(run("guard")).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = run("backup");
    expect(code, stdout + stderr).toBe(0);
    expect(backups()).toEqual([expect.stringMatching(/^base_[0-9A-F]{24}$/)]);
    expect(run("guard")).toMatchObject({ code: 1 });
  });

  it("go on with what has changed, and leave a fingerprint", () => {
    ask(
      `CREATE TABLE ${table} AS SELECT n AS id, '${canary}-' || n AS note FROM generate_series(1, 5000) AS n`,
    );
    const { code, stdout, stderr } = run("backup");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^backup: fingerprint of [1-9]\d* tables, in the store$/m);
    expect(backups()[1]).toMatch(/^base_[0-9A-F]{24}_D_[0-9A-F]{24}$/);
  });

  it("and their log are sound to the daily check", async () => {
    await untilArchived();
    const { code, stdout, stderr } = run("verify");
    expect(code, stdout + stderr).toBe(0);
  });

  it("hold nothing in clear", async () => {
    expect(await filesHolding(name, canary)).toEqual([]);
  });
});

describe("a restore", () => {
  let before = "";
  let moment = "";
  let undo: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    ask(`UPDATE ${table} SET note = note || ' changed' WHERE id % 7 = 0`);
    before = ask(fingerprint);
    moment = ask(`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`);
    ask(`DROP TABLE ${table}`);
    await untilArchived();
  });

  it("with a wrong key writes nothing", () => {
    const made = pod.exec(["bash", "-c", `mkdir ${restoreRoot}/wrong && printf '%064d' 7 >/tmp/wrong-key`]);
    expect(made).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = run(
      "restore-base",
      ...[`PGDATA=${restoreRoot}/wrong`, "WALG_LIBSODIUM_KEY_PATH=/tmp/wrong-key"],
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("the encryption key is not the one of this backup"),
    ]);
    expect(stdout).not.toContain("fetched");
    expect(pod.exec(["find", restoreRoot, "-mindepth", "1"]).stdout).toBe(`${restoreRoot}/wrong`);
  });

  it("of a backup with one flipped byte fails and says what to do", async () => {
    const second = backups()[1] ?? "";
    const parts = await keys(name, `${prefix}/basebackups_005/${second}/tar_partitions/`);
    const [largest] = [...parts].sort((a, b) => b.size - a.size);
    undo = await damage(name, largest?.key ?? "");
    const { code, stderr } = run("restore-scratch", `PLATFORM_RESTORE_BACKUP=${second}`);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`restore-scratch: refused: the backup ${second} could not be fetched (status`),
    ]);
  });

  it("of the backup before it goes to just before a DROP TABLE, with every row", async () => {
    const target = [`PLATFORM_RESTORE_BACKUP=${backups()[0] ?? ""}`, `PLATFORM_RESTORE_TIME=${moment}`];
    pod.start("scratch", ["env", "-i", ...env, ...target, "bash", `${scripts}/restore-scratch.sh`]);
    await pod.until("the restored database is open", () => pod.log.includes("restore-scratch: ready:"));
    const psql = [
      `${layout.binDirectory}/psql`,
      "-XAt",
      "-h",
      "/tmp",
      "-U",
      "postgres",
      "-d",
      "userdb",
      "-c",
    ];
    expect(before).toMatch(/^5000 [0-9a-f]{32}$/);
    expect(pod.exec([...psql, fingerprint])).toMatchObject({ code: 0, stdout: before });
    expect(ask(`SELECT to_regclass('${table}') IS NULL`)).toBe("t");
    await pod.stop("scratch", "TERM");
  });

  it("drill proves the newest backup once it is sound", async () => {
    await undo?.();
    const { code, stdout, stderr } = run("drill");
    expect(code, stdout + stderr).toBe(0);
    const verdict = JSON.parse(stdout.split("\n").find((line) => line.startsWith("{")) ?? "{}") as object;
    expect(verdict).toMatchObject({ ok: true, backup: backups()[1], failedStep: "", rows: 5000 });
    const metrics = pod.exec(["cat", `${evidenceRoot}/drill.prom`]).stdout;
    expect(metrics).toContain("platform_restore_drill_ok 1");
    expect(stdout + stderr).not.toContain(canary);
  });

  it("in place waits for the server to end, then exchanges the data and keeps what was there", async () => {
    const target = ["PLATFORM_RESTORE_BACKUP=LATEST", `PLATFORM_RESTORE_TIME=${moment}`];
    await pod.stop("postgres", "INT");
    const { code, stdout, stderr } = run("restore-in-place", ...target);
    expect(code, stdout + stderr).toBe(0);
    pod.startServer();
    await pod.until("the server answers", () => pod.superuser("SELECT 1").code === 0);
    expect(ask(fingerprint)).toBe(before);
    expect(ask("SELECT timeline_id FROM pg_control_checkpoint()")).not.toBe("1");
    expect(pod.exec(["bash", "-c", `ls -d ${data}.before-* | wc -l`]).stdout).toBe("1");
  });
});
