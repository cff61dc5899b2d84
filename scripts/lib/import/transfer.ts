/** One copy, from the snapshot of the source to the compared database: the same for a rehearsal and for the real one. */

import { UserError } from "../user-error.ts";
import type { Context } from "./context.ts";
import { copy } from "./copy.ts";
import type { SourceFacts } from "./facts.ts";
import { compare, readFingerprint, readSequences } from "./hashes.ts";
import { gib, type Space } from "./judge.ts";
import type { Session } from "./session.ts";
import { dropDatabase, grantSchemas, prepareExtensions, strangers } from "./target.ts";

export interface Transferred {
  readonly bytes: number;
  readonly tables: number;
  readonly rows: bigint;
}

export interface PrepareArgs {
  readonly context: Context;
  readonly facts: SourceFacts;
  /** Database to make. */
  readonly name: string;
  readonly say: (line: string) => void;
}

export interface TransferArgs extends PrepareArgs {
  /** Two sessions at the source: one holds the snapshot, the other one looks at what happens meanwhile. */
  readonly holder: Session;
  readonly watcher: Session;
  readonly space: Space;
}

/** Beyond this share of the log's volume the copy waits for the archive. At 80 % the application would have to stop. */
const walShare = 0.7;
const reportSeconds = 15;

/** Passes on at most one line in `reportSeconds`. */
const sparsely = (say: (line: string) => void): ((line: string) => void) => {
  let next = Date.now() + reportSeconds * 1000;
  return (line) => {
    if (Date.now() < next) return;
    next = Date.now() + reportSeconds * 1000;
    say(line);
  };
};

const copyRows = async (
  args: TransferArgs,
  snapshot: string,
  madeSchemas: readonly string[],
): Promise<void> => {
  const { context, facts, space, name } = args;
  const tell = sparsely(args.say);
  await copy({
    spawn: context.bench.spawn,
    source: context.sourceClient,
    target: { ...context.targetClient, database: name },
    snapshot,
    madeSchemas,
    walLimit: Math.floor(space.walSize * walShare),
    scratch: "/tmp/import",
    progress: (bytes, waiting) => {
      tell(
        `copied ${gib(bytes)} of about ${gib(Number(facts.bytes))}${waiting ? ", waiting for the log's archive" : ""}`,
      );
    },
  });
};

/** A database with the platform's roles and the source's extensions, and nothing in it yet. */
export interface Prepared {
  readonly copied: Session;
  /** Objects that the platform put there. */
  readonly ours: readonly string[];
  /** Schemas that were made for extensions. */
  readonly madeSchemas: readonly string[];
}

/** Makes the database; an older one of this name is dropped. Does not touch the source. */
export const prepareTarget = async ({ context, facts, name, say }: PrepareArgs): Promise<Prepared> => {
  await dropDatabase(context.admin, name);
  await context.bench.applyRoles(name);
  const copied = await context.openTarget(name);
  const ours = (await readFingerprint(copied, () => undefined)).objects;
  const madeSchemas = await prepareExtensions(copied, facts.extensions);
  say(
    `database ${name} is made, with the platform's roles and ${String(facts.extensions.length)} extensions`,
  );
  return { copied, ours, madeSchemas };
};

/** What the copy has to be like. @throws UserError with every difference */
const check = (differences: readonly string[], foreign: readonly string[]): void => {
  const problems = [...differences, ...foreign.map((what) => `${what}: does not belong to migration`)];
  if (problems.length === 0) return;
  throw new UserError(
    `the copy is not equal to the source:\n${problems
      .slice(0, 50)
      .map((line) => `  ${line}`)
      .join("\n")}${problems.length > 50 ? `\n  and ${String(problems.length - 50)} more` : ""}`,
  );
};

/**
 * Copies and compares. The database is left as it is: for its user to drop, or to put in place.
 * @throws UserError that names the step or the differences
 */
export const transfer = async (args: TransferArgs, prepared: Prepared): Promise<Transferred> => {
  const { context, holder, watcher, facts, say } = args;
  const { copied, ours, madeSchemas } = prepared;
  await holder.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const { snapshot } = await holder.row<{ readonly snapshot: string }>(
    "SELECT pg_export_snapshot() AS snapshot",
  );
  say("copying; the source is read twice at once, for the copy and for its hashes");
  const tell = sparsely(say);
  const [source] = await Promise.all([readFingerprint(holder, tell), copyRows(args, snapshot, madeSchemas)]);
  await holder.run("COMMIT");
  const later = await readSequences(watcher);
  say("copied; rights and statistics");
  await grantSchemas(copied, facts.schemas);
  await context.bench.applyRoles(args.name);
  await copied.run("ANALYZE");
  say("comparing rows, large objects, sequences and objects");
  const target = await readFingerprint(copied, tell);
  check(
    compare(source, later, target, ours),
    (await strangers(copied)).map((s) => s.name),
  );
  await copied.close();
  const rows = source.tables.reduce((sum, table) => sum + BigInt(table.rows), 0n);
  say(
    `equal: ${String(target.tables.length)} tables with ${String(rows)} rows, ${String(facts.largeObjects)} large objects, ${String(target.sequences.length)} sequences, ${String(source.objects.length)} objects`,
  );
  return { bytes: Number(facts.bytes), tables: target.tables.length, rows };
};
