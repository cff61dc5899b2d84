/** What tests of backups and restores do with a platform that has a store. */

import type { Result, RigStack } from "../../rig/stack.ts";
import { kubectl, namespace, sql, until } from "./support.ts";

/** `npm run restore -- local ...` */
export const restore = (stack: RigStack, ...args: readonly string[]): Promise<Result> =>
  stack.inEnvironment(["node", "scripts/restore.ts", "local", ...args, "--config-file", stack.configFile]);

/** Names of the backups in the store, oldest first. */
export const backups = async (stack: RigStack): Promise<readonly string[]> => {
  const { stdout, stderr, code } = await restore(stack, "list");
  if (code !== 0) throw new Error(`restore list: ${stdout}${stderr}`);
  return stdout
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((name) => name.startsWith("base_"));
};

/** SQL in the database that `restore ... scratch` made. */
export const scratchSql = (statement: string): Promise<string> =>
  kubectl(
    ...["-n", namespace.drill, "exec", "restore-scratch", "--"],
    ...["psql", "-h", "/tmp", "-U", "postgres", "-d", "userdb", "-At", "-c", statement],
  );

/** Rows of a table and a hash over all of them. */
export const fingerprintOf = (table: string): string =>
  `SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM ${table} AS t`;

/** The server's own clock, as `--to-time` takes it. */
export const now = (): Promise<string> =>
  sql(`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`);

/** Returns when everything that was written so far is in the store. */
export const untilArchived = async (seconds: number): Promise<void> => {
  const last = await sql("SELECT pg_walfile_name(pg_switch_wal())");
  await until(`${last} in the archive`, seconds, async () =>
    (await sql(`SELECT last_archived_wal >= '${last}' FROM pg_stat_archiver`)) === "t" ? true : undefined,
  );
};

/** Runs a CronJob now; what it said and whether it succeeded. Leaves nothing. */
export const runJob = async (
  space: string,
  cronJob: string,
  seconds: number,
): Promise<{ readonly succeeded: boolean; readonly log: string }> => {
  const name = `${cronJob}-now`;
  await kubectl("-n", space, "create", "job", name, `--from=cronjob/${cronJob}`);
  const status = (what: string): Promise<string> =>
    kubectl("-n", space, "get", "job", name, "-o", `jsonpath={.status.${what}}`);
  const succeeded = await until(`job ${name}`, seconds, async () => {
    if ((await status("succeeded")) === "1") return true;
    return (await status("failed")) === "" ? undefined : false;
  });
  // A job that fails may be tried again; the first try says enough.
  const pods = await kubectl(
    ...["-n", space, "get", "pods", "-l", `batch.kubernetes.io/job-name=${name}`],
    ...["-o", "jsonpath={.items[0].metadata.name}"],
  );
  const log = await kubectl("-n", space, "logs", pods);
  await kubectl("-n", space, "delete", "job", name, "--cascade=foreground");
  return { succeeded, log };
};
