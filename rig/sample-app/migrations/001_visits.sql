CREATE TABLE visits (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  note text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz
);
CREATE INDEX visits_by_tenant ON visits (tenant, id);
CREATE INDEX visits_to_process ON visits (id) WHERE processed_at IS NULL;
