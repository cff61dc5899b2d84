/** What preflight wants to know of both servers. Queries and the shape of their answers; no judgement. */

import { ownSchemas } from "./names.ts";
import type { Session } from "./session.ts";
import { otherClients } from "./source-guard.ts";

export interface Extension {
  readonly name: string;
  readonly version: string;
  readonly schema: string;
}

export interface SourceFacts {
  readonly versionNumber: number;
  readonly version: string;
  readonly encoding: string;
  readonly collation: string;
  readonly moneyLocale: string;
  /** As text: bytes may exceed 2^53. */
  readonly bytes: string;
  readonly superuser: boolean;
  /** May change the database's own settings. */
  readonly owner: boolean;
  readonly preparedTransactions: number;
  readonly extensions: readonly Extension[];
  /** One per row, ready to be shown. */
  readonly unlogged: readonly string[];
  readonly elsewhere: readonly string[];
  readonly unreadable: readonly string[];
  readonly eventTriggers: readonly string[];
  readonly foreign: readonly string[];
  readonly untrustedFunctions: readonly string[];
  readonly superuserTypes: readonly string[];
  readonly policyRoles: readonly string[];
  readonly owners: readonly string[];
  readonly settings: readonly string[];
  readonly collations: readonly string[];
  readonly replication: readonly string[];
  /** Without those of the platform. */
  readonly schemas: readonly string[];
  /** Whether it is the database of a stack of this platform. */
  readonly platform: boolean;
  /** Schemas with the names of the platform's, in a database that is not of the platform. */
  readonly claimed: readonly string[];
  readonly extensionTables: readonly string[];
  readonly usesMoney: boolean;
  readonly tables: number;
  readonly sequences: number;
  readonly largeObjects: number;
  readonly unreadableLargeObjects: number;
  /** Others who are connected to the database now. */
  readonly clients: readonly string[];
}

const own = ownSchemas.map((name) => `'${name}'`).join(", ");
const isPlatform =
  "EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'platform' AND c.relname = 'heartbeat')";
/** Not ours to move: catalogs, what the platform makes itself, and what belongs to an extension. */
const ordinary = (alias: string): string =>
  `${alias}.nspname NOT LIKE 'pg\\_%' AND ${alias}.nspname NOT IN ('information_schema', ${own})`;
const notOfExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;
/** Relations of the database that are no catalog's and no extension's. */
const relations = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND ${ordinary("n")} AND ${notOfExtension("pg_class", "c.oid")}`;
const list = (select: string): string =>
  `(SELECT coalesce(jsonb_agg(x ORDER BY x), '[]') FROM (${select}) AS l(x))`;

const untrusted = `SELECT format('%I.%I (%s)', n.nspname, p.proname, l.lanname) FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace AND ${ordinary("n")}
  JOIN pg_language l ON l.oid = p.prolang AND NOT l.lanpltrusted
 WHERE l.lanname <> 'sql' AND ${notOfExtension("pg_proc", "p.oid")}`;

const foreignThings = `SELECT format('wrapper %I', fdwname) FROM pg_foreign_data_wrapper f
  UNION ALL SELECT format('server %I', srvname) FROM pg_foreign_server
  UNION ALL SELECT format('table %s', ftrelid::regclass) FROM pg_foreign_table`;

const superuserTypes = `SELECT format('type %I.%I', n.nspname, t.typname) FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace AND ${ordinary("n")}
   WHERE t.typtype = 'b' AND t.typcategory <> 'A' AND ${notOfExtension("pg_type", "t.oid")}
  UNION ALL SELECT format('operator class %I.%I', n.nspname, o.opcname) FROM pg_opclass o
    JOIN pg_namespace n ON n.oid = o.opcnamespace AND ${ordinary("n")} WHERE ${notOfExtension("pg_opclass", "o.oid")}
  UNION ALL SELECT format('language %I', lanname) FROM pg_language l
   WHERE lanispl AND lanname <> 'plpgsql' AND ${notOfExtension("pg_language", "l.oid")}`;

const usedCollations = `SELECT DISTINCT format('%I.%I', n.nspname, co.collname) FROM pg_collation co
    JOIN pg_namespace n ON n.oid = co.collnamespace AND n.nspname = 'pg_catalog'
   WHERE co.collname NOT IN ('default', 'C', 'POSIX') AND (
     EXISTS (SELECT FROM pg_attribute a JOIN ${relations} ON c.oid = a.attrelid WHERE a.attcollation = co.oid AND a.attnum > 0)
     OR EXISTS (SELECT FROM pg_index i JOIN ${relations} ON c.oid = i.indrelid WHERE co.oid = ANY (i.indcollation::oid[]))
     OR EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND ${ordinary("n")} WHERE t.typcollation = co.oid))`;

const sourceQuery = `SELECT
  current_setting('server_version_num')::int AS "versionNumber",
  current_setting('server_version') AS version,
  pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collation,
  current_setting('lc_monetary') AS "moneyLocale",
  pg_database_size(d.oid)::text AS bytes,
  r.rolsuper AS superuser, r.rolsuper OR pg_has_role(d.datdba, 'USAGE') AS owner,
  (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()) AS "preparedTransactions",
  (SELECT coalesce(jsonb_agg(jsonb_build_object('name', extname, 'version', extversion, 'schema', n.nspname) ORDER BY extname), '[]')
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname <> 'plpgsql') AS extensions,
  ${list(`SELECT c.oid::regclass::text FROM ${relations} WHERE c.relpersistence = 'u' AND c.relkind = 'r'`)} AS unlogged,
  ${list(`SELECT format('%s in %I', c.oid::regclass, s.spcname) FROM ${relations} JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE s.spcname NOT IN ('pg_default', 'pg_global')`)} AS elsewhere,
  ${list(`SELECT c.oid::regclass::text FROM ${relations} WHERE c.relkind IN ('r', 'p', 'S', 'm') AND (NOT has_table_privilege(c.oid, 'SELECT') OR (c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE'))))`)} AS unreadable,
  ${list("SELECT evtname::text FROM pg_event_trigger e WHERE " + notOfExtension("pg_event_trigger", "e.oid"))} AS "eventTriggers",
  ${list(foreignThings)} AS "foreign",
  ${list(untrusted)} AS "untrustedFunctions",
  ${list(superuserTypes)} AS "superuserTypes",
  ${list("SELECT DISTINCT o.rolname::text FROM pg_policy p, unnest(p.polroles) AS u(role) JOIN pg_roles o ON o.oid = u.role")} AS "policyRoles",
  ${list(`SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM ${relations}`)} AS owners,
  ${list("SELECT format('%s%s', CASE WHEN s.setrole = 0 THEN '' ELSE pg_get_userbyid(s.setrole) || ': ' END, u.setting) FROM pg_db_role_setting s, unnest(s.setconfig) AS u(setting) WHERE s.setdatabase IN (0, d.oid) AND u.setting NOT LIKE 'default_transaction_read_only=%'")} AS settings,
  ${list(usedCollations)} AS collations,
  ${list("SELECT format('publication %I', pubname) FROM pg_publication UNION ALL SELECT format('replication slot %s', slot_name) FROM pg_replication_slots WHERE database = current_database()")} AS replication,
  ${list(`SELECT n.nspname::text FROM pg_namespace n WHERE ${ordinary("n")} AND n.nspname <> 'public' AND ${notOfExtension("pg_namespace", "n.oid")}`)} AS schemas,
  ${isPlatform} AS platform,
  ${list(`SELECT nspname::text FROM pg_namespace WHERE nspname IN (${own}) AND NOT (${isPlatform})`)} AS claimed,
  ${list("SELECT u.t::regclass::text FROM pg_extension e, unnest(e.extconfig) AS u(t)")} AS "extensionTables",
  EXISTS (SELECT FROM pg_attribute a JOIN ${relations} ON c.oid = a.attrelid WHERE a.atttypid = 'money'::regtype AND a.attnum > 0) AS "usesMoney",
  (SELECT count(*) FROM ${relations} WHERE c.relkind = 'r' AND c.relpersistence <> 't') AS tables,
  (SELECT count(*) FROM ${relations} WHERE c.relkind = 'S') AS sequences,
  (SELECT count(*) FROM pg_largeobject_metadata) AS "largeObjects",
  (SELECT count(*) FROM pg_largeobject_metadata m WHERE NOT r.rolsuper AND NOT pg_has_role(m.lomowner, 'USAGE')) AS "unreadableLargeObjects",
  ${list("SELECT format('%s (%s)', usename, coalesce(nullif(application_name, ''), 'no name')) FROM pg_stat_activity WHERE " + otherClients)} AS clients
FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user`;

/** Reads the source. Needs no right but to connect. */
export const readSource = (session: Session): Promise<SourceFacts> => session.row<SourceFacts>(sourceQuery);

export interface TargetFacts {
  readonly versionNumber: number;
  readonly roles: readonly string[];
  readonly collations: readonly string[];
  readonly extensions: readonly {
    readonly name: string;
    readonly version: string;
    readonly trusted: boolean;
  }[];
  /** Names of databases beside the templates. */
  readonly databases: readonly string[];
  /** Seconds since the last failure to archive that no success has followed; null when all is well or archiving is off. */
  readonly archiveFailingSeconds: number | null;
}

const targetQuery = `SELECT
  current_setting('server_version_num')::int AS "versionNumber",
  ${list("SELECT rolname::text FROM pg_roles")} AS roles,
  ${list("SELECT format('pg_catalog.%I', collname) FROM pg_collation WHERE collnamespace = 'pg_catalog'::regnamespace AND collencoding IN (-1, 6)")} AS collations,
  (SELECT jsonb_agg(jsonb_build_object('name', a.name, 'version', a.default_version, 'trusted', v.trusted))
     FROM pg_available_extensions a JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version) AS extensions,
  ${list("SELECT datname::text FROM pg_database WHERE NOT datistemplate")} AS databases,
  (SELECT CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity') THEN extract(epoch FROM now() - last_failed_time)::int END
     FROM pg_stat_archiver) AS "archiveFailingSeconds"`;

export const readTarget = (session: Session): Promise<TargetFacts> => session.row<TargetFacts>(targetQuery);
