/** Closes the source to writers for the final copy, opens it again, and notices who writes all the same. */

import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../user-error.ts";
import { ownSchemas } from "./names.ts";
import type { Session } from "./session.ts";

const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Whoever connects to a closed database reads only, so cannot open it: this lets the session write. */
const letWrite = "SET default_transaction_read_only = off";

const reopening = (database: string): readonly string[] => [
  letWrite,
  `ALTER DATABASE ${ident(database)} RESET default_transaction_read_only`,
];
/** What a person types to open the source again when this program cannot. */
export const reopenStatement = (database: string): string => reopening(database).join("; ");

const settleSeconds = 15;
const lateSeconds = 5;

/**
 * Sessions of others in this database. Who is no superuser sees of other roles' sessions neither kind nor beginning:
 * such a session counts as a client, and as one that was there before.
 */
export const otherClients = `datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
  AND coalesce(backend_type, 'client backend') = 'client backend' AND application_name <> 'platform-import'`;

/** Sessions older than `since`; each is told to end when this role may say so. Newer ones read only. */
const endOthers = (
  source: Session,
  since: string,
): Promise<readonly { readonly client: string; readonly told: boolean }[]> =>
  source.rows(
    `SELECT format('%s (%s)', usename, coalesce(nullif(application_name, ''), 'no name')) AS client,
            pg_has_role(usesysid, 'USAGE') AND pg_terminate_backend(pid) AS told FROM pg_stat_activity
      WHERE ${otherClients} AND coalesce(backend_start, '-infinity') <= '${since}'::timestamptz`,
  );

/** A platform's keeper goes on writing its heartbeat. */
const quotedSchemas = ownSchemas.map((name) => `'${name}'`).join(", ");

/** A number that grows with every row that anybody writes, large objects included; not with what the platform itself writes. */
export const changes = async (source: Session): Promise<bigint> => {
  const { count } = await source.row<{ readonly count: string }>(
    `SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text AS count FROM pg_stat_all_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema', ${quotedSchemas}) AND schemaname NOT LIKE 'pg\\_toast%' OR relname = 'pg_largeobject'`,
  );
  return BigInt(count);
};

/** `changes`, once what ended sessions still had to report has arrived. */
export const settledChanges = async (source: Session): Promise<bigint> => {
  let last = await changes(source);
  for (let second = 0; second < settleSeconds; second += 1) {
    await pause(1000);
    const now = await changes(source);
    if (now === last) return now;
    last = now;
  }
  return last;
};

/**
 * New sessions read only from now on, and the present ones end. Clients that come back find a database that takes no
 * writes. Whoever insists may still write (SET transaction_read_only = off): `changes` shows it.
 */
export const closeToWriters = async (source: Session, database: string): Promise<void> => {
  await source.run(letWrite); // closed already, by a run that was cut off
  await source.run(`ALTER DATABASE ${ident(database)} SET default_transaction_read_only = on`);
  const before = await source.row<{ readonly at: string }>("SELECT now()::text AS at");
  for (let second = 0; ; second += 1) {
    const left = await endOthers(source, before.at);
    if (left.length === 0) return;
    if (second >= settleSeconds) {
      throw new UserError(
        `source: these stay connected and may go on writing: ${left.map((l) => l.client).join(", ")}; stop them, or use a superuser in --from; when they write nothing, pass --writers-stopped`,
      );
    }
    await pause(1000);
  }
};

/**
 * Rows that were written to the source since `copied` was counted, looked at for a few seconds after the exchange. Only
 * what a setting cannot hold writes then: a pooler that sets it back, or who insists.
 */
export const lateChanges = async (source: Session, copied: bigint): Promise<bigint> => {
  let late = 0n;
  for (let second = 0; late === 0n && second < lateSeconds; second += 1) {
    await pause(1000);
    late = (await changes(source)) - copied;
  }
  return late;
};

export const openToWriters = async (source: Session, database: string): Promise<void> => {
  for (const statement of reopening(database)) await source.run(statement);
};
