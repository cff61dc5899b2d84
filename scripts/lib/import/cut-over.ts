/** The real move: close the source, copy, compare, exchange; and on any failure before the exchange, open it again. */

import { UserError } from "../user-error.ts";
import { confirm } from "./confirm.ts";
import type { Context } from "./context.ts";
import { interruptible } from "./interrupt.ts";
import type { SourceFacts } from "./facts.ts";
import type { Space } from "./judge.ts";
import { database, incoming, previous } from "./names.ts";
import { readRehearsal } from "./record.ts";
import type { Rehearsal } from "./record.ts";
import type { Session } from "./session.ts";
import { describeSource } from "./source-address.ts";
import type { SourceAddress } from "./source-address.ts";
import {
  closeToWriters,
  lateChanges,
  openToWriters,
  reopenStatement,
  settledChanges,
} from "./source-guard.ts";
import { databases, dropDatabase, putInPlace } from "./target.ts";
import { prepareTarget, transfer } from "./transfer.ts";
import type { Prepared } from "./transfer.ts";

export interface CutOverArgs {
  readonly context: Context;
  readonly address: SourceAddress;
  readonly holder: Session;
  readonly watcher: Session;
  readonly facts: SourceFacts;
  readonly space: Space;
  readonly say: (line: string) => void;
}

/** How much would be set aside. */
const present = async (context: Context): Promise<string> => {
  const session = await context.openTarget(database);
  const { rows } = await session.row<{ readonly rows: string }>(
    "SELECT coalesce(sum(n_live_tup), 0)::text AS rows FROM pg_stat_user_tables",
  );
  await session.close();
  return rows;
};

const statedDowntime = (last: Rehearsal | undefined): string =>
  last === undefined
    ? "no rehearsal of this source is on record, so its length is not known"
    : `the rehearsal of ${last.at} took ${String(last.seconds)} s`;

const announce = async (args: CutOverArgs, last: Rehearsal | undefined): Promise<void> => {
  const { context, address } = args;
  const { options, io } = context;
  if (last === undefined && !options.withoutRehearsal) {
    throw new UserError(
      "no rehearsal of this source has succeeded; run the same command without --cut-over first (--without-rehearsal goes on all the same)",
    );
  }
  await confirm(
    io,
    options,
    `cut-over from ${describeSource(address)}`,
    `  downtime: ${statedDowntime(last)}`,
    `  ${database} of the platform (about ${await present(context)} rows) is kept as ${previous}`,
  );
};

/** The source as it was: writable, and the only place where the data is. */
const goBack = async (args: CutOverArgs): Promise<void> => {
  const { context, address, say } = args;
  // Not left lying about: it holds what the source holds.
  await dropDatabase(context.admin, incoming).catch(() => undefined);
  if (context.options.writersStopped) return;
  try {
    // A session of its own: the others may be in the middle of something.
    const session = await context.openSource(address);
    await openToWriters(session, address.database);
    say("the source takes writes again; nothing has changed for its users");
  } catch (error) {
    say(`THE SOURCE IS STILL READ-ONLY (${error instanceof Error ? error.message : String(error)})`);
    say(`run there: ${reopenStatement(address.database)};`);
  }
};

/** @returns what the source had counted when the copy was made, see `changes` */
const moveData = async (args: CutOverArgs, prepared: Prepared): Promise<bigint> => {
  const { context, address, watcher, say } = args;
  if (!context.options.writersStopped) {
    await closeToWriters(watcher, address.database);
    say("the source takes no more writes");
  }
  const before = await settledChanges(watcher);
  await transfer({ ...args, name: incoming }, prepared);
  const after = await settledChanges(watcher);
  if (after !== before) {
    throw new UserError(
      `source: ${String(after - before)} rows were written during the final copy although ${context.options.writersStopped ? "its writers were said to be stopped" : "it was closed"}; stop the program that does this, then repeat`,
    );
  }
  return after;
};

/** What was copied is served by now: nothing here may look like a failure of the move. */
const watchForLateWriters = async ({ watcher, say }: CutOverArgs, copied: bigint): Promise<void> => {
  try {
    const late = await lateChanges(watcher, copied);
    if (late === 0n) return;
    say(
      `WARNING: ${String(late)} rows were written to the source after the copy and are only there (a pooler in front of it may set the read-only setting back); stop what writes, then --way-back and repeat, or bring those rows over by hand`,
    );
  } catch (error) {
    say(
      `WARNING: whether anybody still writes to the source is not known (${error instanceof Error ? error.message : String(error)})`,
    );
  }
};

const nextSteps = (context: Context): readonly string[] => [
  "next:",
  "  1. look at the application: it reads and writes the imported data now",
  `  2. when its release has migrations that the source had not: pulumi up --stack ${context.options.stack} --target-replace '**Job::**migration**'`,
  "  3. send users to the platform (DNS); programs that used the old database use the platform's endpoint from now on",
  "  4. take a base backup at once: until then a restore ends before the import",
  `way back, as long as the source is there: npm run data:import -- ${context.options.stack} --way-back --from ...`,
  `when it is no longer wanted: npm run data:import -- ${context.options.stack} --drop ${previous}`,
];

/** Closes, copies, compares, exchanges. */
export const cutOver = async (args: CutOverArgs): Promise<void> => {
  const { context, address, say } = args;
  await announce(args, await readRehearsal(context.host, context.database.namespace, address));
  if ((await databases(context.admin)).has(previous)) {
    throw new UserError(
      `target: ${previous} is still there from an earlier cut-over; when nothing in it is needed: --drop ${previous}`,
    );
  }
  const prepared = await interruptible(() => prepareTarget({ ...args, name: incoming }));
  const began = Date.now();
  let copied: bigint;
  try {
    copied = await interruptible(() => moveData(args, prepared), context.options.maxDowntimeSeconds);
    await putInPlace(context.admin);
  } catch (error) {
    await goBack(args);
    throw error;
  }
  const seconds = (Date.now() - began) / 1000;
  say(`done: the platform serves the imported data; downtime ${seconds.toFixed(1)} s`);
  await watchForLateWriters(args, copied);
  for (const line of nextSteps(context)) context.io.print(line);
};
