-- The database of an older installation: the sample application's tables, and what else grows in a database over years.
CREATE ROLE legacy LOGIN;
CREATE ROLE clerk NOLOGIN;
CREATE DATABASE clinic OWNER legacy TEMPLATE template0;
\connect clinic
CREATE SCHEMA extensions;
CREATE EXTENSION btree_gist;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION hstore SCHEMA extensions;
ALTER DATABASE clinic SET search_path = public, extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
GRANT CREATE ON SCHEMA public TO legacy;
SET search_path = public, extensions;
SET SESSION AUTHORIZATION legacy;

CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
INSERT INTO schema_migrations (name) VALUES ('001_visits.sql');
CREATE TABLE visits (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  note text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz
);
CREATE INDEX visits_by_tenant ON visits (tenant, id);
CREATE INDEX visits_to_process ON visits (id) WHERE processed_at IS NULL;
INSERT INTO visits (tenant, note, created_at, processed_at)
  SELECT 'clinic-' || chr(97 + i % 3), 'moved in ' || i, '2024-02-29'::timestamptz + i * interval '7 minutes', now() FROM generate_series(1, 20000) AS i;

CREATE TYPE urgency AS ENUM ('low', 'high');
CREATE DOMAIN pulse AS int CHECK (VALUE BETWEEN 20 AND 300);
CREATE TABLE patients (
  id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
  name text NOT NULL,
  born date,
  weight float8,
  pulse pulse,
  urgency urgency DEFAULT 'low',
  meta jsonb,
  label text GENERATED ALWAYS AS (upper(name)) STORED,
  scan oid
);
INSERT INTO patients (name, born, weight, pulse, meta)
  SELECT 'Patient Ä ' || i, '1950-01-01'::date + i, i / 3.0, 60 + i % 40, jsonb_build_object('i', i, 'ü', repeat('ß', i % 50))
    FROM generate_series(1, 5000) AS i;
CREATE INDEX patients_by_name ON patients USING gin (name gin_trgm_ops);
CREATE TABLE stays (
  patient uuid REFERENCES patients,
  bed int,
  during tstzrange,
  EXCLUDE USING gist (bed WITH =, during WITH &&)
);
INSERT INTO stays SELECT id, row_number() OVER (ORDER BY id), tstzrange('2024-01-01', '2024-01-05') FROM patients LIMIT 200;
CREATE TABLE audit (at timestamptz NOT NULL, what hstore) PARTITION BY RANGE (at);
CREATE TABLE audit_2024 PARTITION OF audit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE audit_2025 PARTITION OF audit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO audit SELECT '2024-06-01'::timestamptz + i * interval '2 hours', hstore('k', i::text) FROM generate_series(1, 4000) AS i;

-- Large objects: ordinary ones, one with a hole, one that is empty, one that no row names.
UPDATE patients SET scan = lo_from_bytea(0, sha256(name::bytea) || convert_to(repeat('x', 5000), 'UTF8'))
 WHERE id IN (SELECT id FROM patients ORDER BY id LIMIT 100);
SELECT lo_create(424242), lo_put(424242, 9000000, 'after the hole') \g /dev/null
SELECT lo_create(424243) \g /dev/null

CREATE SEQUENCE invoices INCREMENT BY 10 START 1000;
SELECT nextval('invoices'), nextval('invoices') \g /dev/null
CREATE SEQUENCE untouched;

CREATE SCHEMA billing;
CREATE TABLE billing."Odd ""name""" (t text, "row" int, "~row" int);
INSERT INTO billing."Odd ""name""" VALUES ('a', 1, 1), ('a', 1, 1), (NULL, NULL, 2);
CREATE UNLOGGED TABLE billing.drafts (x int);
INSERT INTO billing.drafts SELECT generate_series(1, 10);
CREATE VIEW billing.totals AS SELECT count(*) FROM public.visits;
CREATE MATERIALIZED VIEW births AS SELECT born, count(*) FROM patients GROUP BY born;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.weight = round(NEW.weight::numeric, 1); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE stays ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON stays USING (true);
GRANT SELECT ON patients TO clerk;
COMMENT ON TABLE patients IS 'people';
