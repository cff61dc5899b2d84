/**
 * SQL functions (temporary, for this session) that give a role its password only when it has another one.
 * Setting the same password again would make a new salt, and whoever keeps keys that were derived with the old one
 * (PgBouncer does, for every client that is logged in) could open no further connection.
 */
export const passwordFunctions = `
CREATE FUNCTION pg_temp.padded(key bytea, pad integer) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE block bytea := CASE WHEN length(key) > 64 THEN sha256(key) ELSE key END;
BEGIN
  block := block || decode(repeat('00', 64 - length(block)), 'hex');
  FOR i IN 0..63 LOOP block := set_byte(block, i, get_byte(block, i) # pad); END LOOP;
  RETURN block;
END $$;

CREATE FUNCTION pg_temp.hmac(key bytea, message bytea) RETURNS bytea LANGUAGE sql AS $$
  SELECT sha256(pg_temp.padded(key, 92) || sha256(pg_temp.padded(key, 54) || message))
$$;

CREATE FUNCTION pg_temp.bytes(bits bit(256)) RETURNS bytea LANGUAGE sql AS $$
  SELECT decode(string_agg(lpad(to_hex(substring(bits FROM 32 * n + 1 FOR 32)::bit(32)::bigint), 8, '0'), '' ORDER BY n), 'hex')
    FROM generate_series(0, 7) AS n
$$;

-- RFC 5802: is this the verifier of this password?
CREATE FUNCTION pg_temp.verifies(verifier text, password text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  parts text[] := regexp_match(verifier, '^SCRAM-SHA-256\\$(\\d+):([^$]+)\\$([^:]+):');
  inside bytea := pg_temp.padded(convert_to(password, 'UTF8'), 54);
  outside bytea := pg_temp.padded(convert_to(password, 'UTF8'), 92);
  block bytea;
  salted bit(256);
BEGIN
  IF parts IS NULL THEN RETURN false; END IF;
  block := sha256(outside || sha256(inside || decode(parts[2], 'base64') || '\\x00000001'::bytea));
  salted := ('x' || encode(block, 'hex'))::bit(256);
  FOR i IN 2..parts[1]::integer LOOP
    block := sha256(outside || sha256(inside || block));
    salted := salted # ('x' || encode(block, 'hex'))::bit(256);
  END LOOP;
  RETURN encode(sha256(pg_temp.hmac(pg_temp.bytes(salted), convert_to('Client Key', 'UTF8'))), 'base64') = parts[3];
END $$;

CREATE FUNCTION pg_temp.set_password(role name, password text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF password = '' THEN
    RAISE EXCEPTION 'the password of % is empty or has not arrived in its file yet', role;
  END IF;
  IF NOT pg_temp.verifies((SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = role), password) THEN
    EXECUTE format('ALTER ROLE %I PASSWORD %L', role, password);
  END IF;
END $$;
`;
