import { database, extensions, loginRoles, roles, type PostgresLayout } from "./layout.ts";

/**
 * Roles, rights, database and extensions, as one psql script that may run any number of times on any earlier state.
 * Passwords come from files that psql reads itself: they stand in no argument, no environment and (see `keeper.sh`) no
 * log. Runs as the superuser through the socket, the only way in for it.
 */
export const renderRolesSql = (layout: PostgresLayout): string =>
  [
    "\\set ON_ERROR_STOP on",
    "\\set QUIET on",
    ...loginRoles.map((role) => `\\set ${role}_password \`cat ${layout.passwordDirectory}/${role}\``),
    createRoles,
    ...loginRoles.map(
      (role) =>
        `ALTER ROLE ${roles[role]} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'${role}_password';`,
    ),
    memberships,
    createDatabase,
    `\\connect ${database}`,
    ...extensions.map((extension) => `CREATE EXTENSION IF NOT EXISTS "${extension}";`),
    schemaRights,
    assertions,
    "",
  ].join("\n");

const quoted = (names: readonly string[]): string => names.map((name) => `('${name}')`).join(", ");

const createRoles = `
SELECT format('CREATE ROLE %I NOLOGIN', name)
  FROM (VALUES ${quoted(Object.values(roles))}) AS wanted(name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec
`;

/**
 * The text of an ERROR repeats what the client sent ("invalid input syntax for …"): patient data. The client gets it,
 * the log does not. A statement list that starts with DDL would be logged as a whole, values included.
 */
const memberships = `
GRANT ${roles.dml} TO ${roles.app};
GRANT pg_monitor TO ${roles.monitor};
ALTER ROLE ${roles.app} SET log_min_messages = 'log';
ALTER ROLE ${roles.app} SET log_statement = 'none';
ALTER ROLE ${roles.migration} SET log_min_messages = 'log';
`;

const createDatabase = `
SELECT 'CREATE DATABASE ${database} OWNER ${roles.migration} TEMPLATE template0'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${database}') \\gexec
ALTER DATABASE ${database} OWNER TO ${roles.migration};
REVOKE ALL ON DATABASE ${database}, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE ${database} TO ${roles.dml}, ${roles.monitor};
GRANT CONNECT ON DATABASE postgres TO ${roles.monitor};
`;

const schemaRights = `
ALTER SCHEMA public OWNER TO ${roles.migration};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ${roles.dml}, ${roles.monitor};
ALTER DEFAULT PRIVILEGES FOR ROLE ${roles.migration} IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${roles.dml};
ALTER DEFAULT PRIVILEGES FOR ROLE ${roles.migration} IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO ${roles.dml};
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO ${roles.dml}', schemaname, tablename)
  FROM pg_tables WHERE schemaname = 'public' AND tableowner = '${roles.migration}' \\gexec
SELECT format('GRANT USAGE, SELECT ON SEQUENCE %I.%I TO ${roles.dml}', schemaname, sequencename)
  FROM pg_sequences WHERE schemaname = 'public' AND sequenceowner = '${roles.migration}' \\gexec
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
END
$$;
`;
