import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { receiver, store } from "../../rig/services.ts";
import { repository } from "../../rig/stack.ts";
import { fingerprintOf } from "../e2e/backups.ts";
import { inPod, namespace, platformHost, request, sql, until, untilHealthy } from "../e2e/support.ts";

/** The object store away: for ten minutes of work, and for as long as the log has room. */

const outageSeconds = 600;
/** Of write-ahead log. In ten minutes half of what the smallest log volume takes before the application reads only. */
const rateKiBps = 512;
const table = "soak.load";

/** A session that writes about that much each second until it is ended. */
const writer = (kibPerSecond: number): ChildProcess => {
  const rows = kibPerSecond * 4; // a row takes about 256 bytes of the log
  const statement = `INSERT INTO ${table} (text) SELECT repeat(md5(random()::text), 6) FROM generate_series(1, ${String(rows)}) \\watch i=1`;
  const psql = ["psql", "-q", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "userdb"];
  const pod = ["k3s", "kubectl", "-n", namespace.data, "exec", "-i", "postgres-0", "-c", "postgres", "--"];
  const child = spawn(
    join(repository, "rig", "host", "host.sh"),
    ["exec", platformHost, "--", ...pod, ...psql],
    {
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  child.stdin.write(`${statement}\n`);
  return child;
};

const end = async (child: ChildProcess): Promise<void> => {
  // The session in the pod outlives its client's client.
  await sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO soak.load%'",
  );
  child.stdin?.end();
  child.kill("SIGTERM");
};

const number = async (expression: string): Promise<number> => Number(await sql(`SELECT ${expression}`));
const waiting = (): Promise<number> =>
  number("count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'");
const written = (): Promise<number> => number("pg_current_wal_lsn() - '0/0'");
const readOnly = async (): Promise<boolean> =>
  (await sql("SELECT read_only FROM platform.wal_bound")) === "t";

const post = async (): Promise<number> =>
  (await request("/visits", "--json", JSON.stringify({ tenant: "clinic-soak", note: "soak" }))).status;
const read = async (): Promise<number> => (await request("/visits?limit=1")).status;

/** Seconds since a moment of `performance.now()`. */
const since = (moment: number): number => Math.round((performance.now() - moment) / 1000);

/** The first of these alerts that its receiver, outside of the cluster, has taken. */
const told = async (...alerts: readonly string[]): Promise<string | undefined> => {
  const received = await receiver(["received", platformHost]);
  return alerts.find((alert) => received.includes(`"alertname":"${alert}"`));
};
const untilTold = (alert: string, seconds: number): Promise<string> =>
  until(`alert ${alert} at its receiver`, seconds, () => told(alert));

const sound = (): Promise<string> =>
  inPod(
    ...([namespace.data, "postgres-0", "postgres"] as const),
    ...["sh", "-c"],
    "/usr/lib/postgresql/18/bin/pg_amcheck -h /var/run/postgresql -U postgres --heapallindexed userdb && echo sound",
  );

beforeAll(async () => {
  await untilHealthy(300);
  await sql("CREATE SCHEMA soak");
  await sql(`CREATE TABLE ${table} (id bigserial PRIMARY KEY, text text NOT NULL)`);
});

afterAll(async () => {
  await store(["unblock", platformHost]).catch(() => undefined);
  await sql("DROP SCHEMA soak CASCADE");
});

describe(`the store away for ${String(outageSeconds)} s at ${String(rateKiBps)} KiB/s of log`, () => {
  it("is told to people while the database serves, and the backlog drains afterwards", async () => {
    await receiver(["forget", platformHost]);
    await store(["block", platformHost]);
    const [began, from] = [performance.now(), await written()];
    const load = writer(rateKiBps);
    const answers: (readonly [number, number])[] = [];
    let alert = "";
    while (since(began) < outageSeconds) {
      answers.push([await post(), await read()]);
      expect(await readOnly()).toBe(false);
      const name = alert === "" ? await told("ArchiveFailing", "ArchiveStale") : undefined;
      if (name !== undefined) alert = `${name} at its receiver after ${String(since(began))} s`;
      await new Promise((next) => setTimeout(next, 5000)); // the pace of one client
    }
    const [backlog, bytes] = [await waiting(), (await written()) - from];
    const [away, rate] = [since(began), bytes / 1024 / since(began)];
    await store(["unblock", platformHost]);
    const open = performance.now();
    await until("an empty backlog", 900, async () => ((await waiting()) <= 1 ? true : undefined));
    const drained = since(open);
    await end(load);
    console.log(
      `store away for ${String(away)} s at ${rate.toFixed(0)} KiB/s of log: ${alert}; ${String(backlog)} segments waited, drained in ${String(drained)} s; ${String(answers.length)} writes and reads of the application meanwhile`,
    );
    expect(alert).not.toBe("");
    expect(answers.filter(([write, look]) => write !== 201 || look !== 200)).toEqual([]);
    expect(backlog).toBeGreaterThan(5);
  });
});

describe("the store away for longer than the log has room", () => {
  it("makes the application read only, corrupts nothing, and all recovers without a hand", async () => {
    await receiver(["forget", platformHost]);
    await store(["block", platformHost]);
    const began = performance.now();
    const load = writer(16 * 1024);
    await until("the bound of the log", 1800, async () => ((await readOnly()) ? true : undefined));
    await end(load);
    const reached = since(began);
    await until("a refused write and an answered read", 60, async () =>
      (await post()) >= 500 && (await read()) === 200 ? true : undefined,
    );
    const refused = since(began) - reached;
    await untilTold("ApplicationReadOnly", 300);
    const alerted = since(began) - reached;
    const percent = await number("used_bytes * 100 / room_bytes FROM platform.wal_bound");
    expect(await sound()).toBe("sound");
    const before = await sql(fingerprintOf(`(SELECT id FROM ${table})`));
    await store(["unblock", platformHost]);
    const open = performance.now();
    await until("an accepted write", 1800, async () => ((await post()) === 201 ? true : undefined));
    console.log(
      `bound of the log reached after ${String(reached)} s, at ${String(percent)} % of its room: writes of the application refused ${String(refused)} s and the alert at its receiver ${String(alerted)} s later; it writes again ${String(since(open))} s after the store is back`,
    );
    expect(await readOnly()).toBe(false);
    expect(await sql(fingerprintOf(`(SELECT id FROM ${table})`))).toBe(before);
    expect(await sound()).toBe("sound");
  });
});
