-- Fails half-way, so that a test can see that nothing of it stays.
CREATE TABLE half_done (id bigint PRIMARY KEY);
ALTER TABLE no_such_table ADD COLUMN never text;
