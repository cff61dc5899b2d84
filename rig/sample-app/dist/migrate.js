// Applies the SQL files of migrations/ that the database does not have yet, in the order of their names,
// each in a transaction of its own. Two of these at once wait for each other. A failed file leaves nothing
// of itself, and every earlier one applied; exit status 1.
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { errorCode, log, refuse } from "./log.js";
import { readMigrationSettings } from "./settings.js";

const DIRECTORY = new URL("../migrations/", import.meta.url);
// Any number, the same in every release.
const LOCK = 7_212_001;

const { settings, problems } = readMigrationSettings(process.env);
if (problems.length > 0) refuse(problems);

const client = new pg.Client(settings.database);
try {
  await client.connect();
  await client.query("SELECT pg_advisory_lock($1)", [LOCK]); // freed with the connection
  await client.query("CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
  const { rows } = await client.query("SELECT name FROM schema_migrations");
  const applied = new Set(rows.map((row) => row.name));
  for (const name of readdirSync(DIRECTORY).sort()) {
    if (!applied.has(name)) await apply(name);
  }
  log("info", "migrated");
} catch (error) {
  log("error", "migration-failed", { code: errorCode(error) });
  process.exitCode = 1;
} finally {
  await client.end().catch(() => undefined);
}

async function apply(name) {
  log("info", "applying", { name });
  await client.query("BEGIN");
  try {
    await client.query(readFileSync(new URL(name, DIRECTORY), "utf8"));
    await client.query("INSERT INTO schema_migrations (name) VALUES ($1)", [name]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
