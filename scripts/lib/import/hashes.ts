/** What is compared: rows of each table, large objects, sequences, names of objects. SQL and pure comparison. */

import type { Session } from "./session.ts";

/** Text forms of values are the same on both sides under these. */
export const textSettings = [
  "timezone = 'UTC'",
  "datestyle = 'ISO, YMD'",
  "intervalstyle = 'postgres'",
  "extra_float_digits = 1",
  "bytea_output = 'hex'",
  "xmlbinary = 'base64'",
  "lc_monetary = 'C'",
  "search_path = pg_catalog",
  "row_security = off",
  "statement_timeout = 0",
  "lock_timeout = 0",
  "idle_in_transaction_session_timeout = 0",
] as const;

export interface Sum {
  /** `schema.table`, quoted where needed. */
  readonly name: string;
  /** As text. */
  readonly rows: string;
  readonly bytes: string;
  readonly hash: string;
}

export interface Position {
  readonly name: string;
  readonly value: string;
  readonly called: boolean;
}

export interface Fingerprint {
  readonly tables: readonly Sum[];
  readonly largeObjects: Sum;
  readonly sequences: readonly Position[];
  /** `kind name` of each object. */
  readonly objects: readonly string[];
}

const ordinary =
  "n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'pgbouncer', 'platform')";
const free = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;

const tablesQuery = `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND ${ordinary}
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${free("pg_class", "c.oid")} ORDER BY 1`;

const sequencesQuery = tablesQuery.replace("relkind = 'r'", "relkind = 'S'");

// PostgreSQL 18 names NOT NULL as constraints; older ones do not.
const objectsQuery = `SELECT x AS name FROM (
  SELECT 'relation ' || c.relkind::text || ' ' || format('%I.%I', n.nspname, c.relname) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND ${ordinary} WHERE c.relkind <> 't' AND ${free("pg_class", "c.oid")}
  UNION ALL SELECT 'constraint ' || format('%s on %I.%I', o.conname, n.nspname, c.relname) FROM pg_constraint o
    JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND ${ordinary}
   WHERE o.contype <> 'n' AND ${free("pg_class", "c.oid")}
  UNION ALL SELECT 'trigger ' || format('%s on %I.%I', t.tgname, n.nspname, c.relname) FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND ${ordinary}
   WHERE NOT t.tgisinternal
  UNION ALL SELECT 'function ' || format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace AND ${ordinary} WHERE ${free("pg_proc", "p.oid")}
  UNION ALL SELECT 'type ' || format('%I.%I', n.nspname, t.typname) FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace AND ${ordinary} WHERE t.typtype IN ('e', 'd', 'r') AND ${free("pg_type", "t.oid")}
  UNION ALL SELECT 'policy ' || format('%s on %I.%I', p.polname, n.nspname, c.relname) FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND ${ordinary}
) AS o(x) ORDER BY 1`;

/** A hash per row, added up: the order of rows does not matter, and nothing is kept in memory. */
const sumOf = (text: string): string =>
  `count(*)::text AS rows, coalesce(sum(length(${text})), 0)::text AS bytes,
   coalesce(sum(('x' || encode(substring(sha256(convert_to(${text}, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint), 0)::text AS hash`;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const tableQuery = (name: string): string =>
  `SELECT ${literal(name)} AS name, ${sumOf('("~row".*)::text')} FROM ONLY ${name} AS "~row"`;

// Piece by piece: an object may be larger than one value can be.
const pieceBytes = 4 * 2 ** 20;
const largeObjectsQuery = `SELECT 'large objects' AS name, ${sumOf("piece")} FROM (
  SELECT m.oid::text || ':' || s.size::text || ':' || i::text || ':' ||
         encode(sha256(CASE WHEN s.size = 0 THEN '' ELSE lo_get(m.oid, i, ${String(pieceBytes)}) END), 'hex') AS piece
    FROM pg_largeobject_metadata m,
         LATERAL (SELECT lo_open(m.oid, 262144) AS fd OFFSET 0) AS o,
         LATERAL (SELECT lo_lseek64(o.fd, 0, 2) AS size, lo_close(o.fd) AS closed OFFSET 0) AS s,
         LATERAL generate_series(0, greatest(s.size - 1, 0), ${String(pieceBytes)}) AS i
) AS pieces`;

/** Where each sequence stands. */
export const readSequences = async (session: Session): Promise<readonly Position[]> => {
  const names = (await session.rows<{ readonly name: string }>(sequencesQuery)).map((row) => row.name);
  const positions: Position[] = [];
  for (const name of names) {
    positions.push(
      await session.row<Position>(
        `SELECT ${literal(name)} AS name, last_value::text AS value, is_called AS called FROM ${name}`,
      ),
    );
  }
  return positions;
};

/**
 * Reads everything that is compared, in the session's present transaction.
 * @param progress told about each table before it is read
 */
export const readFingerprint = async (
  session: Session,
  progress: (what: string) => void,
): Promise<Fingerprint> => {
  const names = (await session.rows<{ readonly name: string }>(tablesQuery)).map((row) => row.name);
  const tables: Sum[] = [];
  for (const [index, name] of names.entries()) {
    progress(`${session.name}: table ${String(index + 1)} of ${String(names.length)}`);
    tables.push(await session.row<Sum>(tableQuery(name)));
  }
  progress(`${session.name}: large objects and sequences`);
  const objects = await session.rows<{ readonly name: string }>(objectsQuery);
  return {
    tables,
    largeObjects: await session.row<Sum>(largeObjectsQuery),
    sequences: await readSequences(session),
    objects: objects.map((row) => row.name),
  };
};

const compareSums = (source: Sum, target: Sum | undefined): readonly string[] => {
  if (target === undefined) return [`${source.name}: missing in the copy`];
  if (source.rows !== target.rows)
    return [`${source.name}: ${source.rows} rows in the source, ${target.rows} in the copy`];
  return source.hash === target.hash && source.bytes === target.bytes
    ? []
    : [`${source.name}: same number of rows (${source.rows}), other content`];
};

const byName = <T extends { readonly name: string }>(list: readonly T[]): ReadonlyMap<string, T> =>
  new Map(list.map((item) => [item.name, item]));

/** @param later where the source's sequences stood after the copy; numbers may be drawn while it is made */
const compareSequences = (
  source: readonly Position[],
  later: readonly Position[],
  target: readonly Position[],
): readonly string[] => {
  const [copied, after] = [byName(target), byName(later)];
  return source.flatMap((before) => {
    const copy = copied.get(before.name);
    if (copy === undefined) return [`sequence ${before.name}: missing in the copy`];
    const end = after.get(before.name) ?? before;
    const [low, high] = [BigInt(before.value), BigInt(end.value)].sort((a, b) => (a < b ? -1 : 1));
    const value = BigInt(copy.value);
    const unmoved = before.value === end.value && before.called === end.called;
    const good = unmoved
      ? copy.value === before.value && copy.called === before.called
      : value >= (low ?? value) && value <= (high ?? value);
    return good
      ? []
      : [
          `sequence ${before.name}: at ${before.value}${before.called ? "" : " (not drawn)"} in the source, at ${copy.value}${copy.called ? "" : " (not drawn)"} in the copy`,
        ];
  });
};

/** Every difference, or nothing. `ours`: objects that the platform put into the copy before. */
export const compare = (
  source: Fingerprint,
  later: readonly Position[],
  target: Fingerprint,
  ours: readonly string[],
): readonly string[] => {
  const copied = byName(target.tables);
  const wanted = new Set(source.objects);
  const there = new Set(target.objects);
  const sourceTables = new Set(source.tables.map((t) => t.name));
  const own = new Set(ours);
  return [
    ...source.tables.flatMap((table) => compareSums(table, copied.get(table.name))),
    ...target.tables
      .filter((t) => !sourceTables.has(t.name) && !own.has(`relation r ${t.name}`))
      .map((t) => `${t.name}: not in the source`),
    ...compareSums(source.largeObjects, target.largeObjects),
    ...compareSequences(source.sequences, later, target.sequences),
    ...source.objects.filter((name) => !there.has(name)).map((name) => `${name}: missing in the copy`),
    ...target.objects
      .filter((name) => !wanted.has(name) && !own.has(name))
      .map((name) => `${name}: not in the source`),
  ];
};
