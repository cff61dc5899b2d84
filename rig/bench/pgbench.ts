/** pgbench against the database of a stack, directly and through PgBouncer. State held: a schema `bench` in the database. */
import { onHost } from "../stack.ts";
import { inClient, makeClient, type Bench } from "./client.ts";
import { dataScale as scale } from "./dataScale.ts";

/** SQL as the superuser inside the database's pod. */
export const superuser = (bench: Bench, ...args: readonly string[]): Promise<string> =>
  onHost(
    bench.hostName,
    ...["k3s", "kubectl", "-n", bench.namespace, "exec", "postgres-0", "-c", "postgres", "--"],
    ...["env", "PGOPTIONS=-c search_path=bench", "PGHOST=/var/run/postgresql", "PGUSER=postgres"],
    ...[`PGDATABASE=${bench.database}`, ...args],
  );

/** One statement as the superuser; only its rows. */
export const sql = (bench: Bench, statement: string): Promise<string> =>
  superuser(bench, "psql", "-v", "ON_ERROR_STOP=1", "-At", "-c", statement);

/** pgbench's tables and the incompressible ones, in a schema of their own: those of `public` would be audited. */
const makeTables = async (bench: Bench): Promise<void> => {
  await sql(bench, "CREATE SCHEMA bench; GRANT USAGE ON SCHEMA bench TO app_dml");
  await superuser(bench, "pgbench", "--initialize", "--quiet", `--scale=${String(scale.pgbench)}`);
  const rows = scale.documentsMiB * 512; // of nearly 2 KiB, the most that is kept in the row
  await sql(bench, "CREATE TABLE bench.documents (id int PRIMARY KEY, body bytea NOT NULL)");
  await sql(
    bench,
    "INSERT INTO bench.documents SELECT n, (SELECT string_agg(sha256((n || ':' || i)::bytea), '') " +
      `FROM generate_series(1, 60) AS i) FROM generate_series(1, ${String(rows)}) AS n`,
  );
  await sql(bench, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA bench TO app_dml");
  await settled(bench);
};

/** After a checkpoint, and when nothing waits to be archived: every run starts from there. */
export const settled = async (bench: Bench): Promise<void> => {
  await sql(bench, "CHECKPOINT");
  const waiting = "ls /var/lib/postgresql-wal/18/archive_status/ | grep -c ready$ || true";
  for (const deadline = Date.now() + 300_000; ;) {
    const segments = await superuser(bench, "sh", "-c", waiting);
    if (segments === "0") return;
    if (Date.now() > deadline) throw new Error(`after 300 s ${segments} segments still wait to be archived`);
  }
};

/** The statements of pgbench's own scripts, with names that no search path has to find. */
const scripts = {
  write: `\\set aid random(1, 100000 * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE bench.pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM bench.pgbench_accounts WHERE aid = :aid;
UPDATE bench.pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE bench.pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO bench.pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
`,
  read: `\\set aid random(1, 100000 * :scale)
SELECT abalance FROM bench.pgbench_accounts WHERE aid = :aid;
`,
} as const;
export type Script = keyof typeof scripts;
export type Way = "direct" | "pooled";

export const prepare = async (bench: Bench): Promise<void> => {
  await makeClient(bench, scripts);
  await makeTables(bench);
};

export interface Load {
  /** @default that of `dataScale` */
  readonly seconds?: number;
  readonly clients?: number;
}

/** What pgbench says of one run, none of whose transactions failed. */
const runOf = async (
  bench: Bench,
  way: Way,
  script: Script,
  { seconds = scale.seconds, clients = scale.clients }: Load,
  ...options: readonly string[]
): Promise<string> => {
  await settled(bench);
  const said = await inClient(
    bench,
    `${way} pgbench --no-vacuum --protocol=prepared --client=${String(clients)} --jobs=${String(clients)} ` +
      `--time=${String(seconds)} --define=scale=${String(scale.pgbench)} --file=/run/scripts/${script} ${options.join(" ")}`,
  );
  if (/number of failed transactions: (\d+)/.exec(said)?.[1] !== "0")
    throw new Error(`pgbench ${script}: ${said}`);
  return said;
};

/** The number after `name = ` in what pgbench says. */
const figureOf = (said: string, name: string): number => {
  const found = new RegExp(`^${name} = ([\\d.]+)`, "m").exec(said)?.[1];
  if (found === undefined) throw new Error(`pgbench told no ${name}: ${said}`);
  return Number(found);
};

/**
 * Transactions per second, connections not counted. Each client has a thread: pgbench waits for the answer to a
 * preparation, and would keep the others of its thread from ending the transactions that this one waits for in PgBouncer.
 */
export const transactions = async (
  bench: Bench,
  way: Way,
  script: Script,
  load: Load = {},
): Promise<number> => figureOf(await runOf(bench, way, script, load), "tps");

/** Milliseconds that a transaction takes on average when so many are begun each second, none waiting for another's end. */
export const latency = async (bench: Bench, way: Way, script: Script, perSecond: number): Promise<number> =>
  figureOf(await runOf(bench, way, script, {}, `--rate=${String(perSecond)}`), "latency average");
