import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { receiver, store } from "../../rig/services.ts";
import { must, repository } from "../../rig/stack.ts";
import { join } from "node:path";
import { asPlatform, damage, filesHolding, keys, lose } from "../support/store.ts";
import { backups, fingerprintOf, now, restore, runJob, scratchSql, untilArchived } from "./backups.ts";
import {
  inPod,
  kubectl,
  namespace,
  platform,
  platformHost,
  request,
  sql,
  until,
  untilHealthy,
} from "./support.ts";

/** Backups of the running platform in a store outside of it: what restores, what does not, and what says so. */

const canary = `canary-${randomUUID()}`;
const table = "e2e_backup.orders";
const prefix = "pg18/hc-local";

/** Values of the drill's metrics in Prometheus, by name without `platform_restore_drill_`; only what the exporter serves now. */
const drillMetrics = async (): Promise<Readonly<Record<string, number>>> => {
  const query = encodeURIComponent('{__name__=~"platform_restore_drill_.+"}');
  const path = `/api/v1/namespaces/${namespace.monitoring}/services/prometheus:http/proxy/api/v1/query?query=${query}`;
  const answer = JSON.parse(await kubectl("get", "--raw", path)) as {
    readonly data: {
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly value: readonly [number, string];
      }[];
    };
  };
  return Object.fromEntries(
    answer.data.result.map(({ metric, value }) => [
      (metric["__name__"] ?? "").replace("platform_restore_drill_", ""),
      Number(value[1]),
    ]),
  );
};

/** What the backups held before this file asked for any. */
let first: readonly string[] = [];
/** The one that this file asked for. */
let second = "";
let undo: (() => Promise<void>) | undefined;

beforeAll(async () => {
  await untilHealthy(300);
  first = await until("the first backup", 600, async () => {
    const found = await backups(platform()).catch(() => []);
    return found.length > 0 ? found : undefined;
  });
});

// The files after this one find a sound store and a sound database.
afterAll(async () => {
  await undo?.();
  await restore(platform(), "scratch", "--remove");
  await sql("DROP SCHEMA IF EXISTS e2e_backup CASCADE");
  await sql("DROP EXTENSION IF EXISTS pg_buffercache");
});

describe("backups", () => {
  it("of a fresh cluster begin by themselves", () => {
    expect(first[0]).toMatch(/^base_[0-9A-F]{24}$/);
  });

  it("are made by the nightly job, which leaves a fingerprint for the drill", async () => {
    await sql(
      `CREATE SCHEMA e2e_backup; CREATE TABLE ${table} AS SELECT n AS id, '${canary}-' || n AS note, md5(n::text) AS hash FROM generate_series(1, 5000) AS n`,
    );
    expect(
      (await request("/visits", "--json", JSON.stringify({ tenant: canary, note: canary }))).status,
    ).toBe(201);
    const { succeeded, log } = await runJob(namespace.data, "backup", 600);
    expect(succeeded, log).toBe(true);
    expect(log).toMatch(/^backup: fingerprint of [1-9]\d* tables, in the store$/m);
    const all = await backups(platform());
    expect(all.slice(0, first.length)).toEqual(first);
    expect(all).toHaveLength(first.length + 1);
    second = all.at(-1) ?? "";
  });

  it("and their log pass the daily check", async () => {
    await untilArchived(120);
    const { succeeded, log } = await runJob(namespace.data, "backup-verify", 900);
    expect(succeeded, log).toBe(true);
  });
});

describe("a piece of the log that the store has lost", () => {
  it("is found by the daily check, and told by a restore that can go no further", async () => {
    await sql("SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'e2e', 'a piece of its own')");
    await untilArchived(120);
    const stored = await keys(platformHost, `${prefix}/wal_005/`);
    const pieces = stored.map(({ key }) => key).filter((key) => /\/[0-9A-F]{24}\.[a-z0-9]+$/.test(key));
    const [lost = "", behind = ""] = pieces.sort().slice(-2);
    const nameOf = (key: string): string => /[0-9A-F]{24}/.exec(key)?.[0] ?? "";
    undo = await lose(platformHost, lost);
    const check = await runJob(namespace.data, "backup-verify", 900);
    expect([check.succeeded, check.log]).toEqual([false, expect.stringMatching(/MISSING_LOST/)]);
    expect(check.log).toContain(nameOf(lost));
    const { code, stdout, stderr } = await restore(platform(), "scratch");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout + stderr).toContain(
      `WARNING: ${nameOf(lost)} is missing in s3://${await store(["bucket", platformHost])}/${prefix} and ${nameOf(behind)} behind it is not`,
    );
    expect((await restore(platform(), "scratch", "--remove")).code).toBe(0);
    await undo();
    undo = undefined;
  });
});

describe("a restore", () => {
  let before = "";
  let moment = "";

  beforeAll(async () => {
    await sql(`UPDATE ${table} SET note = note || ' changed' WHERE id % 7 = 0`);
    before = await sql(fingerprintOf(table));
    moment = await now();
    await sql(`DROP TABLE ${table}`);
    await untilArchived(120);
  });

  it("of a damaged backup fails and says so", async () => {
    const parts = await keys(platformHost, `${prefix}/basebackups_005/${second}/tar_partitions/`);
    const [largest] = [...parts].sort((a, b) => b.size - a.size);
    undo = await damage(platformHost, largest?.key ?? "");
    const { code, stdout, stderr } = await restore(platform(), "scratch", "--backup", second);
    expect([code, stdout, stderr]).toEqual([
      1,
      expect.stringContaining(`the backup ${second} could not be fetched`),
      expect.stringContaining("the restore failed, see above"),
    ]);
    expect((await restore(platform(), "scratch", "--remove")).code).toBe(0);
  });

  it("of the backup before it goes to just before a DROP TABLE, with every row", async () => {
    const previous = first.at(-1) ?? "";
    const { code, stdout, stderr } = await restore(
      platform(),
      ...["scratch", "--backup", previous, "--to-time", moment],
    );
    expect(code, stdout + stderr).toBe(0);
    expect(before).toMatch(/^5000 [0-9a-f]{32}$/);
    expect(await scratchSql(fingerprintOf(table))).toBe(before);
    expect(await scratchSql(`SELECT count(*) FROM visits WHERE tenant = '${canary}'`)).toBe("1");
    expect(await sql(`SELECT to_regclass('${table}') IS NULL`)).toBe("t");
    console.log(stdout);
  });

  it("with a wrong key writes nothing", async () => {
    const script = `set -eu
      mkdir /var/lib/postgresql-restore/wrong
      printf '%064d' 7 >/tmp/wrong-key
      status=0
      WALG_LIBSODIUM_KEY_PATH=/tmp/wrong-key PGDATA=/var/lib/postgresql-restore/wrong \
        bash /etc/platform/postgres/restore-base.sh 2>&1 || status=$?
      echo "status $status, files: $(find /var/lib/postgresql-restore/wrong -mindepth 1 | wc -l)"`;
    const said = await kubectl("-n", namespace.drill, "exec", "restore-scratch", "--", "bash", "-c", script);
    expect(said).toContain("the encryption key is not the one of this backup");
    expect(said.split("\n").at(-1)).toBe("status 1, files: 0");
    expect((await restore(platform(), "scratch", "--remove")).code).toBe(0);
  });
});

describe("the store", () => {
  it("holds nothing in clear", async () => {
    const control = `control-${randomUUID()}`;
    await must("bash", [
      "-c",
      'printf %s "$3" | "$0" put "$1" "$2"',
      join(repository, "rig", "store", "store.sh"),
      platformHost,
      "control",
      control,
    ]);
    expect(await filesHolding(platformHost, control)).not.toEqual([]); // this is how a text in clear would be found
    await store(["rm", platformHost, "control"]);
    expect(await filesHolding(platformHost, canary)).toEqual([]);
  });

  it("does not let the platform delete what it wrote", async () => {
    const [one] = await keys(platformHost, `${prefix}/basebackups_005/`);
    const key = one?.key ?? "";
    const version = (await store(["versions", platformHost, key])).split(" ")[1] ?? "";
    for (const attempt of [
      ["rm", platformHost, key] as const,
      ["erase", platformHost, key, version] as const,
    ]) {
      const { code, stderr } = await asPlatform(...attempt);
      expect([code === 0, stderr]).toEqual([false, expect.stringMatching(/Access ?Denied/)]);
    }
    expect(await keys(platformHost, key)).toContainEqual(one);
  });
});

describe("one flipped byte in a page of a table", () => {
  const server = (...command: string[]): Promise<string> =>
    inPod(namespace.data, "postgres-0", "postgres", ...command);

  it("is found by whoever reads it, by the monthly check, and told to people", async () => {
    await sql("CREATE EXTENSION IF NOT EXISTS pg_buffercache");
    await sql(
      "CREATE TABLE e2e_backup.page AS SELECT n, md5(n::text) AS hash FROM generate_series(1, 2000) AS n",
    );
    await sql("CHECKPOINT");
    const file = `/var/lib/postgresql/18/docker/${await sql("SELECT pg_relation_filepath('e2e_backup.page')")}`;
    await sql("SELECT pg_buffercache_evict_relation('e2e_backup.page')");
    // Page 1, among its rows.
    const flip = `byte=$(od -An -tu1 -j16000 -N1 "$0"); printf "\\\\x$(printf %02x $((byte ^ 1)))" | dd of="$0" bs=1 seek=16000 conv=notrunc status=none`;
    await server("bash", "-c", flip, file);
    await expect(sql("SELECT count(hash) FROM e2e_backup.page")).rejects.toThrow(/invalid page in block 1/);
    const { succeeded, log } = await runJob(namespace.data, "amcheck", 600);
    expect([succeeded, log]).toEqual([false, expect.stringContaining("e2e_backup.page")]);
    await until("the alert at its receiver", 300, async () =>
      (await receiver(["received", platformHost])).includes("ChecksumFailure") ? true : undefined,
    );
  });

  it("is gone when the table is", async () => {
    await sql("DROP TABLE e2e_backup.page");
    await sql("SELECT pg_stat_reset()");
    const check = ["pg_amcheck", "-h", "/var/run/postgresql", "-U", "postgres", "--heapallindexed", "userdb"];
    expect(await server("bash", "-c", `/usr/lib/postgresql/18/bin/${check.join(" ")} && echo sound`)).toBe(
      "sound",
    );
  });
});

describe("the restore drill", () => {
  it("proves the newest backup, and leaves a verdict with RPO and RTO", async () => {
    await undo?.();
    undo = undefined;
    const { succeeded, log } = await runJob(namespace.drill, "restore-drill", 900);
    expect(succeeded, log).toBe(true);
    const verdict = JSON.parse(log.split("\n").find((line) => line.startsWith("{")) ?? "{}") as Record<
      string,
      unknown
    >;
    console.log(JSON.stringify(verdict));
    expect(verdict).toMatchObject({ kind: "restore-drill", ok: true, backup: second, failedStep: "" });
    expect(verdict["rpoSeconds"]).toBeGreaterThanOrEqual(0);
    expect(verdict["rtoSeconds"]).toBeGreaterThan(0);
    expect(verdict["tables"]).toBeGreaterThan(0);
    expect(verdict["rows"]).toBeGreaterThan(5000);
    expect(log).not.toContain(canary);
    const began = Date.parse(String(verdict["startedAt"])) / 1000;
    const told = await until("Prometheus to know of this drill", 120, async () => {
      const metrics = await drillMetrics();
      return metrics["last_run_timestamp_seconds"] === began ? metrics : undefined;
    });
    expect(told).toEqual({
      ok: 1,
      last_run_timestamp_seconds: began,
      last_success_timestamp_seconds: began,
      rpo_seconds: verdict["rpoSeconds"],
      rto_seconds: verdict["rtoSeconds"],
    });
  });
});
