/** What is done to databases of the platform's server: make, prepare, exchange, drop. */

import { UserError } from "../user-error.ts";
import type { Extension } from "./facts.ts";
import { database, incoming, previous, returned, roles } from "./names.ts";
import type { Session } from "./session.ts";

/** Only our own names come here; quoted all the same. */
const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Connected to database postgres. */
export const dropDatabase = async (admin: Session, name: string): Promise<void> => {
  if (name === database) throw new Error(`${name} is never dropped`);
  await admin.run(`DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`);
};

/**
 * Puts the source's extensions where the source has them. Connected to the copy.
 * @returns schemas that were made for them
 */
export const prepareExtensions = async (
  copy: Session,
  wanted: readonly Extension[],
): Promise<readonly string[]> => {
  const there = await copy.rows<Extension>(
    "SELECT extname AS name, extversion AS version, n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
  );
  const have = new Map(there.map((e) => [e.name, e.schema]));
  const made = new Set<string>();
  for (const { name, schema } of wanted) {
    if (schema !== "public" && schema !== "pg_catalog" && !made.has(schema)) {
      await copy.run(`CREATE SCHEMA ${ident(schema)} AUTHORIZATION ${roles.migration}`);
      made.add(schema);
    }
    if (!have.has(name)) {
      await copy.run(`CREATE EXTENSION ${ident(name)} SCHEMA ${ident(schema)}`);
    } else if (have.get(name) !== schema) {
      await copy.run(`ALTER EXTENSION ${ident(name)} SET SCHEMA ${ident(schema)}`);
    }
  }
  return [...made];
};

/** The application's rights on schemas beside public; public's come from the platform's own SQL. */
export const grantSchemas = async (copy: Session, schemas: readonly string[]): Promise<void> => {
  for (const schema of schemas.map(ident)) {
    await copy.run(`ALTER SCHEMA ${schema} OWNER TO ${roles.migration}`);
    await copy.run(`GRANT USAGE ON SCHEMA ${schema} TO ${roles.dml}`);
    await copy.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${roles.dml}`);
    await copy.run(`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${roles.dml}`);
    const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${roles.migration} IN SCHEMA ${schema} GRANT`;
    await copy.run(`${defaults} SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${roles.dml}`);
    await copy.run(`${defaults} USAGE, SELECT ON SEQUENCES TO ${roles.dml}`);
  }
};

/** Objects of the copy that belong to anybody but `migration`, extensions aside. */
export const strangers = (copy: Session): Promise<readonly { readonly name: string }[]> =>
  copy.rows(
    `SELECT format('%s (%s)', c.oid::regclass, pg_get_userbyid(c.relowner)) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'platform', 'pgbouncer') AND pg_get_userbyid(c.relowner) <> '${roles.migration}'
        AND c.relkind NOT IN ('c', 't') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i', 'a'))
     UNION ALL SELECT format('large object %s (%s)', oid, pg_get_userbyid(lomowner)) FROM pg_largeobject_metadata WHERE pg_get_userbyid(lomowner) <> '${roles.migration}'`,
  );

export const databases = async (admin: Session): Promise<ReadonlySet<string>> =>
  new Set(
    (await admin.rows<{ readonly name: string }>("SELECT datname::text AS name FROM pg_database")).map(
      (r) => r.name,
    ),
  );

const renames = 20;

/** Both names in one transaction: nobody ever sees the server without the application's database. */
const exchange = async (admin: Session, away: string, back: string): Promise<void> => {
  let last: unknown;
  for (let attempt = 0; attempt < renames; attempt += 1) {
    await admin.rows(
      `SELECT pg_terminate_backend(pid, 2000) AS ended FROM pg_stat_activity WHERE datname IN (${literal(database)}, ${literal(back)}) AND pid <> pg_backend_pid()`,
    );
    await admin.run("BEGIN");
    try {
      await admin.run(`ALTER DATABASE ${ident(database)} RENAME TO ${ident(away)}`);
      await admin.run(`ALTER DATABASE ${ident(back)} RENAME TO ${ident(database)}`);
      await admin.run("COMMIT");
      return;
    } catch (error) {
      last = error;
      await admin.run("ROLLBACK");
    }
  }
  throw new UserError(
    `target: ${database} could not be exchanged in ${String(renames)} attempts, clients come back too fast: ${String(last)}; nothing was changed`,
  );
};

const free = async (admin: Session, name: string): Promise<void> => {
  if ((await databases(admin)).has(name)) {
    throw new UserError(
      `target: database ${name} is still there from an earlier import; when nothing in it is needed: npm run data:import -- STACK --drop ${name}`,
    );
  }
};

/** The copy becomes the application's database; what was there is kept under another name. */
export const putInPlace = async (admin: Session): Promise<void> => {
  await free(admin, previous);
  await exchange(admin, previous, incoming);
};

/** The way back: what was there before becomes the application's database again. */
export const putBack = async (admin: Session): Promise<void> => {
  if (!(await databases(admin)).has(previous))
    throw new UserError(`target: there is no ${previous}; the way back ends when it is dropped`);
  await free(admin, returned);
  await exchange(admin, returned, previous);
};
