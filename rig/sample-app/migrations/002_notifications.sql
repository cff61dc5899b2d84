-- What was promised, and what was done: a job that is lost or done twice shows.
CREATE TABLE notifications (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE notification_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notification uuid NOT NULL REFERENCES notifications (id),
  attempt integer NOT NULL,
  ran_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notification_runs_by_notification ON notification_runs (notification);
