import { roles } from "./layout.ts";

/**
 * Fingerprints of all tables, kept inside the data: a restore drill, which has no way to this server, compares with
 * them. Only the superuser reads them; the role of the backup may have one taken.
 */
export const fingerprints = `
CREATE SCHEMA IF NOT EXISTS platform;
REVOKE ALL ON SCHEMA platform FROM PUBLIC;
GRANT USAGE ON SCHEMA platform TO ${roles.backup};

CREATE TABLE IF NOT EXISTS platform.fingerprint (
  xid xid8 NOT NULL, at timestamptz NOT NULL, relation text NOT NULL, rows bigint NOT NULL, hash text NOT NULL,
  PRIMARY KEY (xid, relation)
);
-- The sum of the rows' hashes does not depend on their order. Settings that change how a value is written are fixed.
CREATE OR REPLACE FUNCTION platform.measure() RETURNS TABLE (relation text, rows bigint, hash text)
  LANGUAGE plpgsql SET search_path = pg_catalog SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'postgres'
  SET extra_float_digits = 1 SET bytea_output = 'hex' SET xmlbinary = 'base64'
AS $$
BEGIN
  FOR relation IN
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', 'platform') ORDER BY 1
  LOOP
    EXECUTE format('SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM %s AS t', relation)
      INTO rows, hash;
    RETURN NEXT;
  END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION platform.take_fingerprint() RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '5s'
AS $$
DECLARE
  target text;
  measured bigint;
BEGIN
  FOR target IN
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', 'platform') ORDER BY 1
  LOOP
    EXECUTE format('LOCK TABLE %s IN SHARE MODE', target);
  END LOOP;
  INSERT INTO platform.fingerprint (xid, at, relation, rows, hash)
    SELECT pg_current_xact_id(), now(), m.relation, m.rows, m.hash FROM platform.measure() AS m;
  GET DIAGNOSTICS measured = ROW_COUNT;
  DELETE FROM platform.fingerprint WHERE at < now() - interval '40 days';
  RETURN measured;
END
$$;
REVOKE ALL ON FUNCTION platform.measure(), platform.take_fingerprint() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.take_fingerprint() TO ${roles.backup};
`;
