/**
 * An append-only load on one database, run by the Node of the application's image in a pod of its own.
 *
 * Each writer repeats: one transaction that records a key and, only when the key is new, one entry. It goes on to the
 * next number when the answer has come and is on this pod's disk. After a broken connection it sends the same key again,
 * so an entry that is there twice, or a recorded answer without entry, is the database's doing (or the pooler's).
 *
 * Environment: DATABASE_URL, WRITERS, PAUSE_MS. Ends its load when the file /data/stop appears. State held:
 * /data/acknowledged (one line `writer number` per answer), /data/status.json (twice a second), /data/done.
 */
import { closeSync, existsSync, fdatasync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

interface Client {
  connect(): Promise<void>;
  query(query: string | object): Promise<{ readonly rowCount: number | null }>;
  end(): Promise<void>;
  on(event: "error", listener: () => void): void;
}
interface Driver {
  readonly Client: new (options: object) => Client;
}

/** Text of an error to how often it was seen. */
export type Errors = Readonly<Record<string, number>>;

export interface Status {
  readonly acknowledged: number;
  /** Before a transaction had begun: connections that were closed between two of them, refused logins and the like. */
  readonly refused: Errors;
  /** Transactions that had begun and came to no end. */
  readonly broken: Errors;
  /** Time (ms since 1970) at which each writer's last answered write was begun. */
  readonly begun: readonly number[];
  /** Longest time between two answers to one writer, ms. */
  readonly longestGapMs: number;
}

const driver = createRequire("/app/")("pg") as Driver;
const sync = promisify(fdatasync);
const writers = Number(process.env["WRITERS"]);
const pauseMs = Number(process.env["PAUSE_MS"]);
const url = new URL(process.env["DATABASE_URL"] ?? "");
const options = {
  host: url.hostname,
  port: Number(url.port),
  user: decodeURIComponent(url.username),
  password: decodeURIComponent(url.password),
  database: url.pathname.slice(1),
  application_name: "append-load",
  connectionTimeoutMillis: 5000,
  query_timeout: 10_000,
  ssl: { ca: readFileSync(url.searchParams.get("sslrootcert") ?? "", "utf8"), rejectUnauthorized: true },
};

const record = openSync("/data/acknowledged", "a");
let acknowledged = 0;
const refused: Record<string, number> = {};
const broken: Record<string, number> = {};
let longestGapMs = 0;
const begun = Array.from({ length: writers }, () => 0);
const stopped = (): boolean => existsSync("/data/stop");

// One sync for all answers that came while the last one ran.
let waiting: { readonly line: string; readonly done: () => void }[] = [];
let syncing = false;
const flush = async (): Promise<void> => {
  if (syncing) return;
  syncing = true;
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    writeSync(record, batch.map((entry) => entry.line).join(""));
    await sync(record);
    acknowledged += batch.length;
    for (const entry of batch) entry.done();
  }
  syncing = false;
};
const remember = (writer: number, number: number): Promise<void> =>
  new Promise((done) => {
    waiting.push({ line: `${String(writer)} ${String(number)}\n`, done });
    void flush();
  });

const connect = async (): Promise<Client> => {
  const client = new driver.Client(options);
  client.on("error", () => undefined); // the next query reports it
  await client.connect();
  return client;
};

// Prepared under these names once for each connection.
const newKey = {
  name: "key",
  text: "INSERT INTO load_keys (writer, number) VALUES ($1, $2) ON CONFLICT DO NOTHING",
};
const newEntry = { name: "entry", text: "INSERT INTO load_entries (writer, number) VALUES ($1, $2)" };

/** What is left of a transaction that has begun. */
const append = async (client: Client, writer: number, number: number): Promise<void> => {
  const values = [writer, number];
  const key = await client.query({ ...newKey, values });
  if (key.rowCount === 1) await client.query({ ...newEntry, values });
  await client.query("COMMIT");
};

const write = async (writer: number): Promise<void> => {
  let client: Client | undefined;
  let last = Date.now();
  // A number that was begun is brought to its end: no outcome stays unknown.
  for (let number = 1; !stopped(); number += 1) {
    for (;;) {
      const began = Date.now();
      let seen = refused;
      try {
        client ??= await connect();
        await client.query("BEGIN");
        seen = broken;
        await append(client, writer, number);
        await remember(writer, number);
        begun[writer] = began;
        longestGapMs = Math.max(longestGapMs, Date.now() - last);
        last = Date.now();
        break;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        seen[text] = (seen[text] ?? 0) + 1;
        void client?.end().catch(() => undefined); // a peer that went without a word says no goodbye
        client = undefined;
        await pause(100);
      }
    }
    if (pauseMs > 0) await pause(pauseMs);
  }
  await client?.end().catch(() => undefined);
};

const report = (): void => {
  const status: Status = { acknowledged, refused, broken, begun, longestGapMs };
  writeFileSync("/data/status.new", JSON.stringify(status));
  renameSync("/data/status.new", "/data/status.json");
};
const reporting = setInterval(report, 500);
await Promise.all(begun.map((_, writer) => write(writer)));
clearInterval(reporting);
report();
closeSync(record);
writeFileSync("/data/done", "");
// Stays, so that its files can be read.
await new Promise(() => setInterval(() => undefined, 60_000));
