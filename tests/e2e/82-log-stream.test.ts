import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";

import { store } from "../../rig/services.ts";
import type { Result } from "../../rig/stack.ts";
import {
  inPod,
  kubectl,
  namespace,
  platform,
  platformHost,
  request,
  sql,
  succeeded,
  until,
  untilHealthy,
} from "./support.ts";

/** The log is sent while it is being written: what the archive has not got yet is in the restored copy. */

const prefix = "pg18/hc-local";
const note = `stream-${randomUUID()}`;
/** A process of the server that does not archive while it is stopped. */
let archiver = "";

const restore = (...args: readonly string[]): Promise<Result> => {
  const stack = platform();
  return stack.inEnvironment([
    ...["node", "scripts/restore.ts", "local", ...args, "--config-file", stack.configFile],
  ]);
};
const signal = (name: "STOP" | "CONT"): Promise<string> =>
  inPod(namespace.data, "postgres-0", "postgres", "bash", "-c", `kill -${name} ${archiver}`);
const up = async (): Promise<void> => {
  succeeded(await platform().pulumi(["up", "--yes", "--skip-preview"]));
};

beforeAll(async () => {
  await platform().configure({ "platform:data": { backup: { wal: "stream" } } });
  await up();
  await untilHealthy(300);
  await until("a receiver of the log", 120, async () => {
    const receivers = await sql(
      "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND state = 'streaming'",
    );
    return receivers === "1" ? true : undefined;
  });
  // A backup to restore from, with what the server archives up to here.
  await until("a base backup", 600, async () =>
    (await restore("list")).stdout.includes("base_") ? true : undefined,
  );
});

afterAll(async () => {
  if (archiver !== "") await signal("CONT");
  await restore("scratch", "--remove");
  await platform().configure();
  await up();
});

it("is stored within seconds, and restores although it is not archived", async () => {
  archiver = await sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'archiver'");
  await signal("STOP");
  const written = await request("/visits", "--json", JSON.stringify({ tenant: "clinic-a", note }));
  expect(written.status).toBe(201);
  const piece = await sql("SELECT pg_walfile_name(pg_current_wal_lsn())");
  const key = `${prefix}/stream/wal_005/00000000000000000000000${piece.slice(-1)}.partial`;
  const versions = async (): Promise<number> =>
    (await store(["versions", platformHost, key])).split("\n").filter((line) => line !== "").length;
  const before = await versions();
  // The first one may have been on its way before the write.
  await until("two more uploads of the piece", 10, async () =>
    (await versions()) >= before + 2 ? true : undefined,
  );
  const { code, stdout, stderr } = await restore("scratch");
  expect(code, stdout + stderr).toBe(0);
  const found = await kubectl(
    ...["-n", namespace.drill, "exec", "restore-scratch", "--"],
    ...["psql", "-h", "/tmp", "-U", "postgres", "-d", "userdb", "-At"],
    ...["-c", `SELECT count(*) FROM visits WHERE note = '${note}'`],
  );
  expect(found).toBe("1");
  expect(await sql(`SELECT coalesce(last_archived_wal, '') < '${piece}' FROM pg_stat_archiver`)).toBe("t");
});
