import { fingerprints } from "./fingerprintSql.ts";
import { grants } from "./grantsSql.ts";
import { database, extensions, loginRoles, roles, type LoginRole, type PostgresLayout } from "./layout.ts";
import { passwordFunctions } from "./passwordSql.ts";
import { platformSchema } from "./platformSql.ts";

export interface RolesSqlArgs {
  readonly layout: PostgresLayout;
  /** One login per person, member of the group that reads. */
  readonly readers: readonly string[];
  /** Without a backup its role exists, but cannot log in. */
  readonly backup: boolean;
  /** May the role of the backup replicate? Only streaming of the log needs it. */
  readonly streams: boolean;
  /** `schema.table`. @default every table of schema public */
  readonly auditedTables?: readonly string[] | undefined;
}

/**
 * Roles, rights, database and extensions, as one psql script that may run any number of times on any earlier state.
 * Passwords come from files that psql reads itself: they stand in no argument, no environment and (see `keeper.sh`) no
 * log. Runs as the superuser through the socket, the only way in for it.
 */
export const renderRolesSql = (args: RolesSqlArgs): string => {
  const logins: readonly string[] = [
    ...loginRoles.filter((role) => args.backup || role !== roles.backup),
    ...args.readers,
  ];
  return [
    "\\set ON_ERROR_STOP on",
    "\\set QUIET on",
    ...logins.map((role) => `\\set ${role}_password \`cat ${args.layout.passwordDirectory}/${role}\``),
    passwordFunctions,
    createRoles,
    ...loginRoles.map((role) => login(role, args)),
    people(args.readers),
    ...logins.map((role) => `SELECT pg_temp.set_password('${role}', :'${role}_password') \\g /dev/null`),
    memberships,
    createDatabase,
    backupRights,
    `\\connect ${database}`,
    ...[...extensions, "amcheck"].map((extension) => `CREATE EXTENSION IF NOT EXISTS "${extension}";`),
    backupRights,
    grants(args.auditedTables),
    platformSchema,
    fingerprints,
    assertions,
    "",
  ].join("\n");
};

const quoted = (names: readonly string[]): string => names.map((name) => `('${name}')`).join(", ");

/** Never more than these; a superuser makes roles, and nobody but `postgres` is one. */
const harmless = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS";

const createRoles = `
SELECT format('CREATE ROLE %I NOLOGIN', name)
  FROM (VALUES ${quoted(Object.values(roles))}) AS wanted(name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec
`;

const login = (role: LoginRole, { backup, streams }: RolesSqlArgs): string => {
  if (role === roles.backup && !backup)
    return `ALTER ROLE ${role} NOLOGIN ${harmless} NOREPLICATION PASSWORD NULL;`;
  const replication = role === roles.backup && streams ? "REPLICATION" : "NOREPLICATION";
  return `ALTER ROLE ${role} LOGIN ${harmless} ${replication};`;
};

/**
 * People read only, are logged off when idle, cannot hold up others, and what they type stays out of the log. Whoever
 * is no longer in the list keeps a role without login: its name stands in the audit log.
 */
const people = (readers: readonly string[]): string => `
SELECT format('CREATE ROLE %I NOLOGIN', name)
  FROM unnest(ARRAY[${readers.map((name) => `'${name}'`).join(", ")}]::text[]) AS wanted(name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec
${readers.map(person).join("\n")}
SELECT format('ALTER ROLE %1$I NOLOGIN PASSWORD NULL; REVOKE ${roles.reader} FROM %1$I', gone.rolname)
  FROM pg_auth_members AS m JOIN pg_roles AS gone ON gone.oid = m.member
 WHERE m.roleid = '${roles.reader}'::regrole
   AND NOT gone.rolname = ANY (ARRAY[${readers.map((name) => `'${name}'`).join(", ")}]::text[]) \\gexec
SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.rolname = a.usename
 WHERE NOT r.rolcanlogin \\g /dev/null
`;

const person = (name: string): string =>
  [
    `GRANT ${roles.reader} TO ${name};`,
    `ALTER ROLE ${name} LOGIN ${harmless} NOREPLICATION CONNECTION LIMIT 2;`,
    ...Object.entries({
      default_transaction_read_only: "on",
      idle_session_timeout: "15min",
      statement_timeout: "5min",
      lock_timeout: "5s",
      temp_file_limit: "1GB",
      log_min_messages: "log",
      log_statement: "none",
    }).map(([setting, value]) => `ALTER ROLE ${name} SET ${setting} = '${value}';`),
  ].join("\n");

/**
 * The text of an ERROR repeats what the client sent ("invalid input syntax for …"): patient data. The client gets it,
 * the log does not. A statement list that starts with DDL would be logged as a whole, values included.
 */
const memberships = `
GRANT ${roles.dml} TO ${roles.appA}, ${roles.appB};
GRANT pg_monitor TO ${roles.monitor};
GRANT pg_maintain TO ${roles.maintenance};
GRANT pg_read_all_settings, pg_checkpoint TO ${roles.backup};
${[roles.appA, roles.appB, roles.migration, roles.maintenance]
  .map((role) => `ALTER ROLE ${role} SET log_min_messages = 'log';`)
  .join("\n")}
ALTER ROLE ${roles.appA} SET log_statement = 'none';
ALTER ROLE ${roles.appB} SET log_statement = 'none';
`;

const createDatabase = `
SELECT 'CREATE DATABASE ${database} OWNER ${roles.migration} TEMPLATE template0'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${database}') \\gexec
ALTER DATABASE ${database} OWNER TO ${roles.migration};
REVOKE ALL ON DATABASE ${database}, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE ${database}
   TO ${[roles.dml, roles.monitor, roles.pooler, roles.maintenance, roles.backup, roles.reader].join(", ")};
GRANT CONNECT ON DATABASE postgres TO ${roles.monitor}, ${roles.backup};
`;

/** For a base backup of the files; rights on functions are per database, and a client may choose either. */
const backupRights = `
GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(),
  pg_create_restore_point(text) TO ${roles.backup};
-- wal-g asks for data_directory and archive_command.
GRANT pg_read_all_settings TO ${roles.backup};
`;

const assertions = `
DO $$
BEGIN
  IF current_setting('data_checksums') <> 'on' THEN
    RAISE EXCEPTION 'data checksums are off: this cluster was not made by the platform';
  END IF;
  IF EXISTS (SELECT FROM pg_hba_file_rules WHERE error IS NOT NULL) THEN
    RAISE EXCEPTION 'pg_hba.conf has lines that PostgreSQL does not accept: %',
      (SELECT string_agg(line_number || ': ' || error, '; ') FROM pg_hba_file_rules WHERE error IS NOT NULL);
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolsuper AND rolname <> 'postgres') THEN
    RAISE EXCEPTION 'superusers beside postgres: %',
      (SELECT string_agg(rolname, ', ') FROM pg_roles WHERE rolsuper AND rolname <> 'postgres');
  END IF;
END
$$;
`;
