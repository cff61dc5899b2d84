import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { as, layout, provisioned, startDatabase } from "../support/platformDatabase.ts";
import type { PostgresPod } from "../support/postgresPod.ts";

/**
 * The store of the archive is away until the write-ahead log has no room: the application turns read-only, also in
 * sessions that were open, and writes again by itself when the store is back. The volume is a file system of 400 MiB.
 */

let pod: PostgresPod;
const store = "/tmp/store-answers";

beforeAll(async () => {
  pod = await startDatabase({
    walVolumeMiB: 400,
    archiveLines: ["archive_mode = on", `archive_command = 'test -e ${store}'`],
  });
  expect(
    pod.psql(
      as("migration"),
      "CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)",
    ).code,
  ).toBe(0);
});

afterAll(async () => {
  await (pod as PostgresPod | undefined)?.destroy();
});

const bound = (): string =>
  pod.psql(
    as("monitor"),
    "SELECT read_only, settled_at IS NOT NULL, used_bytes * 100 / nullif(room_bytes, 0) FROM platform.wal_bound",
  ).stdout;
const heartbeat = (): string => pod.psql(as("monitor"), "SELECT at FROM platform.heartbeat").stdout;
const write = (user: string): number | null =>
  pod.psql(as(user), "INSERT INTO visits (note) VALUES ('x')").code;
/** 16 MiB of log. */
const fill = (): void => {
  expect(
    pod.superuser("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 16777216)) IS NULL").code,
  ).toBe(0);
};

describe("while the store is away", () => {
  it("the application writes as long as there is room", () => {
    expect(bound()).toBe("f|t|");
    expect(write("app_a")).toBe(0);
  });

  it("it reads only before the volume is full, and says so where monitoring can see it", async () => {
    for (let mebibytes = 0; mebibytes < 320; mebibytes += 16) fill();
    await pod.until("the switch is settled", () => bound().startsWith("t|t|"));
    expect(Number(bound().split("|")[2])).toBeGreaterThanOrEqual(80);
    for (const user of ["app_a", "app_b"]) {
      expect(pod.psql(as(user), "INSERT INTO visits (note) VALUES ('x')").stderr).toContain(
        "permission denied for table visits",
      );
      expect(pod.psql(as(user), "SELECT count(*) > 0 FROM visits").stdout).toBe("t");
    }
    // What a session sets does not matter, also when a pooler does it.
    const insisting = "SET default_transaction_read_only = off; BEGIN READ WRITE; DELETE FROM visits";
    expect(pod.psql(as("app_a"), insisting).stderr).toContain("permission denied for table visits");
    const told =
      /postgres-keeper: the application is read-only: the write-ahead log takes [89]\d % of its 400 MiB/;
    await pod.until("the keeper tells", () => told.test(pod.log), 10);
  });

  it("stays so when the keeper is killed, and nothing writes on its own", async () => {
    await pod.stop("keeper", "KILL");
    pod.startKeeper();
    await provisioned(pod);
    const before = heartbeat();
    await pod.until(
      "the new keeper has looked",
      () => pod.log.split("roles and database are as configured").length === 3,
    );
    expect(bound()).toMatch(/^t\|t\|/);
    expect(heartbeat()).toBe(before);
  });
});

describe("when the store is back", () => {
  it("the application writes again without a hand, and the data are sound", async () => {
    expect(pod.exec(["touch", store]).code).toBe(0);
    await pod.until("the application writes", () => write("app_b") === 0, 120);
    expect(bound()).toMatch(/^f\|/);
    expect(Number(bound().split("|")[2])).toBeLessThan(60);
    const before = heartbeat();
    await pod.until("the heart beats", () => heartbeat() !== before);
    const check = pod.exec([
      `${layout.binDirectory}/pg_amcheck`,
      ...[
        "--host",
        layout.socketDirectory,
        "--username",
        "postgres",
        "--database",
        "userdb",
        "--heapallindexed",
      ],
    ]);
    expect(check).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("sessions that were open", () => {
  const pids = (name: string): string =>
    pod.superuser(`SELECT pid FROM pg_stat_activity WHERE application_name = '${name}'`).stdout;
  const open = async (name: string, sql: string): Promise<void> => {
    pod.startPsql(as("app_a", { options: `application_name=${name}` }), `${sql}\n`);
    await pod.until("a session", () => pids(name) !== "");
  };
  const switchTo = (readOnly: boolean): void => {
    pod.superuser(`SELECT platform.switch_application(${String(readOnly)}, 9, 10); SELECT platform.tick()`);
  };
  const ended = (name: string): Promise<void> => pod.until(`${name} is ended`, () => pids(name) === "", 10);

  beforeAll(async () => {
    await pod.stop("keeper", "TERM");
  });

  it("stay, but lose their rights; those that have written and go on are ended two seconds later", async () => {
    await open("idle", "SELECT 1;");
    await open("busy", "BEGIN; INSERT INTO visits (note) VALUES ('in flight');");
    await open("reading", "BEGIN; SELECT count(*) FROM visits;");
    switchTo(true);
    expect(pids("busy")).not.toBe("");
    pod.superuser("SELECT pg_sleep(2.1); SELECT platform.tick()");
    await ended("busy");
    expect(pids("idle")).not.toBe("");
    expect(pids("reading")).not.toBe("");
    expect(pod.superuser("SELECT count(*) FROM visits WHERE note = 'in flight'").stdout).toBe("0");
  });

  it("find a table that was made meanwhile closed too", () => {
    expect(pod.psql(as("migration"), "CREATE TABLE later (id int)").code).toBe(0);
    pod.superuser("SELECT platform.tick()");
    expect(pod.psql(as("app_a"), "INSERT INTO later VALUES (1)").stderr).toContain(
      "permission denied for table later",
    );
  });

  it("get back exactly what was taken", () => {
    const rights = (): string =>
      pod.superuser("SELECT string_agg(relname || relacl::text, ' ' ORDER BY relname) FROM pg_class").stdout;
    switchTo(false);
    const before = rights();
    switchTo(true);
    expect(rights()).not.toBe(before);
    switchTo(false);
    expect(rights()).toBe(before);
    expect(write("app_a")).toBe(0);
    expect(pod.psql(as("app_a"), "INSERT INTO later VALUES (1)").code).toBe(0);
  });

  it("write again when a keeper was killed between the switch and its settling", async () => {
    pod.superuser("SELECT platform.switch_application(true, 9, 10)");
    expect(bound()).toMatch(/^t\|f\|/);
    expect(write("app_a")).not.toBe(0);
    pod.startKeeper();
    await pod.until("the keeper finds room", () => bound().startsWith("f|t|"), 30);
    expect(write("app_a")).toBe(0);
  });
});
