import { roles } from "./layout.ts";

/** Rights inside the application's database. */

const everyTable = (rights: string, role: string): string => `
ALTER DEFAULT PRIVILEGES FOR ROLE ${roles.migration} IN SCHEMA public GRANT ${rights} ON TABLES TO ${role};
SELECT format('GRANT ${rights} ON %I.%I TO ${role}', schemaname, tablename)
  FROM pg_tables WHERE schemaname = 'public' AND tableowner = '${roles.migration}' \\gexec
`;

const schemaRights = `
ALTER SCHEMA public OWNER TO ${roles.migration};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ${[roles.dml, roles.monitor, roles.maintenance, roles.reader].join(", ")};
${everyTable("SELECT, INSERT, UPDATE, DELETE", roles.dml)}
ALTER DEFAULT PRIVILEGES FOR ROLE ${roles.migration} IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO ${roles.dml};
SELECT format('GRANT USAGE, SELECT ON SEQUENCE %I.%I TO ${roles.dml}', schemaname, sequencename)
  FROM pg_sequences WHERE schemaname = 'public' AND sequenceowner = '${roles.migration}' \\gexec
${everyTable("SELECT", roles.reader)}
`;

/**
 * PgBouncer asks here for the verifier of who wants to log in, so that no file of its own holds one. It may learn
 * those of the application's two logins and no other.
 */
const poolerLookup = `
CREATE SCHEMA IF NOT EXISTS pgbouncer;
REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbouncer TO ${roles.pooler};
CREATE OR REPLACE FUNCTION pgbouncer.user_lookup(i_username text)
  RETURNS TABLE (uname text, phash text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
  SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid
   WHERE rolname = i_username AND rolname IN ('${roles.appA}', '${roles.appB}') AND rolcanlogin AND NOT rolsuper
$$;
REVOKE ALL ON FUNCTION pgbouncer.user_lookup(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.user_lookup(text) TO ${roles.pooler};
`;

/** The functions that pg_amcheck calls. */
const checkRights = `
SELECT format('GRANT EXECUTE ON FUNCTION %s TO ${roles.maintenance}', p.oid::regprocedure)
  FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension AS e ON e.oid = d.refobjid
 WHERE e.extname = 'amcheck' AND d.classid = 'pg_proc'::regclass \\gexec
`;

/**
 * pgaudit writes a line for what the auditor is granted. Every table is granted as soon as it is made; of those that
 * are there, the ones outside the list lose it. Views stand for their tables.
 */
const auditRights = (tables: readonly string[] | undefined): string =>
  `${everyTable("SELECT, INSERT, UPDATE, DELETE", roles.auditor)}${
    tables === undefined
      ? ""
      : `SELECT format('REVOKE ALL ON %I.%I FROM ${roles.auditor}', schemaname, tablename)
  FROM pg_tables WHERE schemaname = 'public' AND NOT schemaname || '.' || tablename = ANY (ARRAY[${quotedList(tables)}]::text[]) \\gexec
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO ${roles.auditor}', schemaname, tablename)
  FROM pg_tables WHERE schemaname || '.' || tablename = ANY (ARRAY[${quotedList(tables)}]::text[]) \\gexec
`
  }`;

const quotedList = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(", ");

/** @param auditedTables `schema.table`; undefined: every table of schema public */
export const grants = (auditedTables: readonly string[] | undefined): string =>
  [schemaRights, auditRights(auditedTables), poolerLookup, checkRights].join("");
