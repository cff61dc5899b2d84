import { roles } from "./layout.ts";

const quotedList = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(", ");
const appLogins = [roles.appA, roles.appB];

/**
 * Schema `platform`: the state that the keeper keeps inside the data, so that it survives the keeper and travels with
 * backups. One row each; `monitor` reads both.
 * - `heartbeat.at`: the newest moment at which the database took a write. In a restored copy: the point it was restored to.
 * - `wal_bound`: is the application read-only because the write-ahead log has no room, since when, and how full it was.
 * - `withdrawn`: the rights that were taken from the application meanwhile. It keeps none that write, whatever its
 *   sessions set: `default_transaction_read_only` would be theirs to change, and PgBouncer (from 1.26) does, because it
 *   restores in every server session what it saw at the client's login.
 */
export const platformSchema = `
CREATE SCHEMA IF NOT EXISTS platform;
REVOKE ALL ON SCHEMA platform FROM PUBLIC;
GRANT USAGE ON SCHEMA platform TO ${roles.monitor}, ${roles.maintenance}, ${roles.backup};
CREATE TABLE IF NOT EXISTS platform.heartbeat (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 20);
CREATE TABLE IF NOT EXISTS platform.wal_bound (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  read_only boolean NOT NULL DEFAULT false,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  settled_at timestamptz,
  used_bytes bigint NOT NULL DEFAULT 0,
  room_bytes bigint NOT NULL DEFAULT 0
);
INSERT INTO platform.heartbeat DEFAULT VALUES ON CONFLICT DO NOTHING;
INSERT INTO platform.wal_bound DEFAULT VALUES ON CONFLICT DO NOTHING;
GRANT SELECT ON platform.heartbeat, platform.wal_bound TO ${roles.monitor}, ${roles.maintenance}, ${roles.backup};

CREATE TABLE IF NOT EXISTS platform.withdrawn (relation oid, kind text, role name, PRIMARY KEY (relation, kind, role));

CREATE OR REPLACE FUNCTION platform.withdraw_rights() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT c.oid, g.privilege_type, r.rolname
               FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS g JOIN pg_roles AS r ON r.oid = g.grantee
              WHERE c.relkind <> 'S' AND g.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
                AND r.rolname IN (${quotedList([roles.dml, ...appLogins])}) LOOP
    INSERT INTO platform.withdrawn VALUES (one.oid, one.privilege_type, one.rolname) ON CONFLICT DO NOTHING;
    EXECUTE format('REVOKE %s ON %s FROM %I', one.privilege_type, one.oid::regclass, one.rolname);
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION platform.return_rights() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT w.* FROM platform.withdrawn AS w JOIN pg_class AS c ON c.oid = w.relation LOOP
    EXECUTE format('GRANT %s ON %s TO %I', one.kind, one.relation::regclass, one.role);
  END LOOP;
  DELETE FROM platform.withdrawn;
END $$;

-- Both or neither: the rights and the row that says so.
CREATE OR REPLACE FUNCTION platform.switch_application(to_read_only boolean, used bigint, room bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
  IF to_read_only THEN
    PERFORM platform.withdraw_rights();
  ELSE
    PERFORM platform.return_rights();
  END IF;
  UPDATE platform.wal_bound
     SET read_only = to_read_only, changed_at = clock_timestamp(), settled_at = NULL, used_bytes = used, room_bytes = room;
END $$;

-- Runs every other second. Rights are asked for when a statement begins, so what began before the switch and writes is
-- ended two seconds later. What a migration or the keeper has granted since then is withdrawn too.
-- Says whether the application is read-only, the bytes of the log that are needed (segments that wait for their use
-- come after the current one), the bytes of all its files, and how many segments wait for the archive.
CREATE OR REPLACE FUNCTION platform.tick() RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
  bound platform.wal_bound;
  current text := pg_walfile_name(pg_current_wal_insert_lsn());
BEGIN
  UPDATE platform.wal_bound SET settled_at = clock_timestamp() WHERE settled_at IS NULL;
  SELECT * INTO bound FROM platform.wal_bound;
  IF bound.read_only THEN
    PERFORM platform.withdraw_rights();
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE usename IN (${quotedList(appLogins)}) AND backend_xid IS NOT NULL
        AND xact_start < bound.settled_at AND clock_timestamp() > bound.settled_at + interval '2 seconds';
  ELSE
    UPDATE platform.heartbeat SET at = clock_timestamp();
  END IF;
  RETURN concat_ws(' ', bound.read_only,
    (SELECT coalesce(sum(size) FILTER (WHERE name <= current), 0) || ' ' || coalesce(sum(size), 0) FROM pg_ls_waldir()),
    (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'));
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA platform FROM PUBLIC;
-- The grants above have just returned them.
SELECT platform.withdraw_rights() FROM platform.wal_bound WHERE read_only \\g /dev/null
-- How earlier versions did it.
${appLogins.map((role) => `ALTER ROLE ${role} RESET default_transaction_read_only;`).join("\n")}
`;
