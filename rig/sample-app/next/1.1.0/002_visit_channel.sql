-- The release before this one goes on writing rows without a channel while both run.
ALTER TABLE visits ADD COLUMN channel text NOT NULL DEFAULT 'clinic';
