/** Preflight: what the facts mean. Pure. Everything wrong is said at once, each with its remedy. */

import { isOurs, ownSchemas } from "./names.ts";
import type { SourceFacts, TargetFacts } from "./facts.ts";

export interface Verdict {
  /** Each stops the import. */
  readonly problems: readonly string[];
  /** What will be different afterwards, or deserves a look. */
  readonly notes: readonly string[];
}

export interface Space {
  /** Bytes free for data, and the size of the volume of the write-ahead log. */
  readonly dataFree: number;
  readonly walSize: number;
}

export interface JudgeArgs {
  readonly source: SourceFacts;
  readonly target: TargetFacts;
  readonly space: Space;
  /** The final copy is to be made: the source is going to be closed to writers. */
  readonly cutOver: boolean;
}

const oldestMajor = 13;
const shown = 5;
/** At most five names, then how many more. */
const some = (names: readonly string[]): string =>
  names.slice(0, shown).join(", ") +
  (names.length > shown ? ` and ${String(names.length - shown)} more` : "");

export const gib = (bytes: number): string =>
  `${(bytes / 2 ** 30).toFixed(bytes < 10 * 2 ** 30 ? 2 : 0)} GiB`;

type Check = (args: JudgeArgs) => readonly (string | false)[];
const listed = (names: readonly string[], text: (names: string) => string): readonly (string | false)[] => [
  names.length > 0 && text(some(names)),
];

const versions: Check = ({ source, target }) => {
  const [from, to] = [source, target].map((f) => Math.floor(f.versionNumber / 10_000));
  return [
    (from ?? 0) < oldestMajor &&
      `version: the source is PostgreSQL ${source.version}; ${String(oldestMajor)} is the oldest that can be read. Upgrade it first, or dump and restore it into a newer one`,
    (from ?? 0) > (to ?? 0) &&
      `version: the source is PostgreSQL ${source.version}, newer than the platform's ${String(to)}; there is no way back to an older major`,
  ];
};

const encoding: Check = ({ source }) => [
  source.encoding === "SQL_ASCII" &&
    "encoding: the source is SQL_ASCII, so its bytes have no defined meaning; convert it into a UTF8 database first and look at what does not convert",
];

const rights: Check = ({ source, cutOver }) => [
  ...listed(
    source.unreadable,
    (names) => `rights: the role cannot read ${names}; use the owner or a superuser in --from`,
  ),
  source.unreadableLargeObjects > 0 &&
    `rights: the role cannot read ${String(source.unreadableLargeObjects)} of ${String(source.largeObjects)} large objects; use their owner or a superuser in --from`,
  cutOver &&
    !source.owner &&
    "rights: the role owns neither the database nor is it superuser, so it cannot close it to writers; use one that can, or --writers-stopped after you stopped them",
];

const extensions: Check = ({ source, target }) => {
  const available = new Map(target.extensions.map((e) => [e.name, e]));
  return source.extensions.flatMap(({ name }) => {
    const there = available.get(name);
    if (there === undefined)
      return [
        `extension ${name}: the platform's image does not have it; remove it from the source (DROP EXTENSION, and what uses it) or use an image that carries it (images.postgres)`,
      ];
    if (there.trusted || isOurs.extension(name)) return [];
    return [
      `extension ${name}: only a superuser may make it and the platform does not use it; remove it from the source if nothing needs it`,
    ];
  });
};

const superuserOnly: Check = ({ source }) => [
  ...listed(
    source.eventTriggers,
    (names) => `event triggers (${names}): only a superuser may have them; drop them in the source`,
  ),
  ...listed(
    source.foreign,
    (names) =>
      `foreign data (${names}): the database may call nobody here; drop it or make its tables ordinary ones`,
  ),
  ...listed(
    source.untrustedFunctions,
    (names) =>
      `functions in an untrusted language (${names}): only a superuser may make them; rewrite them in SQL or PL/pgSQL`,
  ),
  ...listed(
    source.superuserTypes,
    (names) => `${names}: only a superuser may make this; replace it in the source`,
  ),
];

const missing: Check = ({ source, target }) => {
  const roles = source.policyRoles.filter((role) => !target.roles.includes(role));
  const collations = source.collations.filter((collation) => !target.collations.includes(collation));
  return [
    ...listed(
      roles,
      (names) =>
        `row security policies name the roles ${names}, which do not exist here; change them to PUBLIC or to a role of the platform`,
    ),
    ...listed(
      collations,
      (names) =>
        `collations ${names} are used and do not exist in the platform's image; change the columns to "C" or to an ICU collation`,
    ),
  ];
};

const names: Check = ({ source }) => [
  ...listed(source.claimed, (list) => `schema ${list} belongs to the platform; rename it in the source`),
];

const running: Check = ({ source, target, cutOver }) => [
  cutOver &&
    source.platform &&
    "writers: the source is a database of this platform, and its PgBouncer lets clients write on in a database that is closed; scale API and worker of that stack to 0, then pass --writers-stopped",
  cutOver &&
    source.preparedTransactions > 0 &&
    `prepared transactions: ${String(source.preparedTransactions)} are open in the source and would be lost; COMMIT PREPARED or ROLLBACK PREPARED them`,
  target.archiveFailingSeconds !== null &&
    `archiving: the platform's last attempt to archive failed ${String(target.archiveFailingSeconds)} s ago; an import would fill the log's volume. Repair it first`,
];

const room: Check = ({ source, space }) => {
  // A restored copy has no bloat, but sorts for indexes need room beside it.
  const needed = Math.ceil(Number(source.bytes) * 1.2) + 256 * 2 ** 20;
  return [
    needed > space.dataFree &&
      `space: the source is ${gib(Number(source.bytes))}, the copy needs about ${gib(needed)}, the data volume has ${gib(space.dataFree)} free; make room or enlarge the disk`,
  ];
};

const problemChecks: readonly Check[] = [
  versions,
  encoding,
  rights,
  extensions,
  superuserOnly,
  missing,
  names,
  running,
  room,
];

const contents: Check = ({ source }) => [
  `${String(source.tables)} tables, ${String(source.sequences)} sequences, ${String(source.largeObjects)} large objects, ${gib(Number(source.bytes))}`,
  source.platform &&
    `the source is a database of this platform: its schemas ${ownSchemas.join(" and ")} stay behind, the copy gets its own`,
  ...listed(
    source.owners,
    (owners) => `owners (${owners}): everything will belong to role migration; rights come from the platform`,
  ),
  ...listed(
    source.schemas,
    (list) => `schemas ${list}: the application's role gets its rights on them as on public`,
  ),
  ...listed(
    source.unlogged,
    (list) =>
      `unlogged tables (${list}): copied, but no backup holds their content and a crash empties them; ALTER TABLE ... SET LOGGED if it matters`,
  ),
  ...listed(source.elsewhere, (list) => `tablespaces (${list}): everything goes to the default one`),
];

const differences: Check = ({ source }) => [
  ...listed(source.settings, (list) => `settings of the database and its roles are not taken over: ${list}`),
  ...listed(source.replication, (list) => `not taken over: ${list}`),
  ...listed(
    source.extensionTables,
    (list) => `rows that extensions keep in tables of their own are not taken over: ${list}`,
  ),
  source.encoding !== "UTF8" && `encoding: ${source.encoding} becomes UTF8`,
  !/^(C|POSIX|C\.UTF-?8)$/i.test(source.collation) &&
    `sorting: ${source.collation} in the source, by code point here; ORDER BY on text gives another order`,
  source.usesMoney &&
    source.moneyLocale !== "C" &&
    `type money is used, and its text depends on lc_monetary (${source.moneyLocale})`,
  ...listed(source.clients, (list) => `connected to the source now: ${list}`),
];

const said = (checks: readonly Check[], args: JudgeArgs): readonly string[] =>
  checks.flatMap((check) => check(args)).filter((line): line is string => line !== false);

/** Everything at once. */
export const judge = (args: JudgeArgs): Verdict => ({
  problems: said(problemChecks, args),
  notes: said([contents, differences], args),
});
