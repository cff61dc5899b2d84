import { roles } from "./layout.ts";

const appRoles = [roles.appA, roles.appB];
const forApp = (change: string): string => appRoles.map((role) => `ALTER ROLE ${role} ${change};`).join(" ");

/**
 * Schema `platform`: the state that the keeper keeps inside the data, so that it survives the keeper and travels with
 * backups. One row each; `monitor` reads both.
 * - `heartbeat.at`: the newest moment at which the database took a write. In a restored copy: the point it was restored to.
 * - `wal_bound`: is the application read-only because the write-ahead log has no room, since when, and how full it was.
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

-- Both or neither: the setting of the roles and the row that says so.
CREATE OR REPLACE FUNCTION platform.switch_application(to_read_only boolean, used bigint, room bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
  IF to_read_only THEN
    ${forApp("SET default_transaction_read_only = on")}
  ELSE
    ${forApp("RESET default_transaction_read_only")}
  END IF;
  UPDATE platform.wal_bound
     SET read_only = to_read_only, changed_at = clock_timestamp(), settled_at = NULL, used_bytes = used, room_bytes = room;
END $$;

-- Runs every other second. A session takes its settings when it begins, so those that began before a switch are ended:
-- idle ones at once, busy ones only when they still write where they no longer may.
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
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename IN (${appRoles.map((role) => `'${role}'`).join(", ")}) AND backend_start < bound.settled_at
      AND (state = 'idle' OR bound.read_only AND clock_timestamp() > bound.settled_at + interval '2 seconds');
  IF NOT bound.read_only THEN UPDATE platform.heartbeat SET at = clock_timestamp(); END IF;
  RETURN concat_ws(' ', bound.read_only,
    (SELECT coalesce(sum(size) FILTER (WHERE name <= current), 0) || ' ' || coalesce(sum(size), 0) FROM pg_ls_waldir()),
    (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'));
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA platform FROM PUBLIC;
`;
