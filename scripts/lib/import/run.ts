/** data:import: preflight, rehearsal, cut-over, way back. */

import { UserError } from "../user-error.ts";
import { confirm } from "./confirm.ts";
import { openContext } from "./context.ts";
import type { Context, Io } from "./context.ts";
import { cutOver } from "./cut-over.ts";
import { readSource, readTarget } from "./facts.ts";
import type { SourceFacts } from "./facts.ts";
import { interruptible } from "./interrupt.ts";
import { judge } from "./judge.ts";
import type { Space } from "./judge.ts";
import { database, previous, rehearsal, returned } from "./names.ts";
import { parseOptions, usage } from "./options.ts";
import type { ImportOptions } from "./options.ts";
import { sourceId, writeRehearsal } from "./record.ts";
import type { Session } from "./session.ts";
import { describeSource } from "./source-address.ts";
import type { SourceAddress } from "./source-address.ts";
import { openToWriters, reopenStatement } from "./source-guard.ts";
import { dropDatabase, putBack } from "./target.ts";
import { prepareTarget, transfer } from "./transfer.ts";

type Say = (line: string) => void;

interface Looked {
  readonly watcher: Session;
  readonly facts: SourceFacts;
  readonly space: Space;
}

/** Preflight. @throws UserError with every problem at once */
const look = async (context: Context, address: SourceAddress): Promise<Looked> => {
  const { io, options } = context;
  io.print(`source: ${describeSource(address)}`);
  const watcher = await context.openSource(address);
  const facts = await readSource(watcher);
  const space = await context.bench.space();
  const verdict = judge({
    source: facts,
    target: await readTarget(context.admin),
    space,
    cutOver: options.mode === "cut-over" && !options.writersStopped,
  });
  io.print(`  PostgreSQL ${facts.version}`);
  for (const note of verdict.notes) io.print(`  ${note}`);
  if (verdict.problems.length > 0) {
    const list = verdict.problems.map((problem) => `  ${problem}`).join("\n");
    throw new UserError(`this source cannot be imported as it is; nothing was changed:\n${list}`);
  }
  return { watcher, facts, space };
};

const rehearse = async (
  context: Context,
  address: SourceAddress,
  looked: Looked,
  say: Say,
): Promise<void> => {
  const holder = await context.openSource(address);
  const began = Date.now();
  try {
    const done = await interruptible(async () => {
      const args = { context, holder, ...looked, name: rehearsal, say };
      return transfer(args, await prepareTarget(args));
    });
    const seconds = Math.ceil((Date.now() - began) / 1000);
    await writeRehearsal(context.host, context.database.namespace, {
      source: sourceId(address),
      at: new Date().toISOString(),
      seconds,
      bytes: done.bytes,
      tables: done.tables,
    });
    say(`rehearsal succeeded in ${String(seconds)} s: a cut-over will keep users waiting about as long`);
  } finally {
    await dropDatabase(context.admin, rehearsal);
    say(`${rehearsal} is dropped; the source and the platform's data are as before`);
  }
};

const wayBack = async (context: Context, say: Say): Promise<void> => {
  const { source } = context.options;
  await confirm(
    context.io,
    context.options,
    `way back: what the platform's ${database} took in since the cut-over stays in ${returned} and nowhere else`,
  );
  await putBack(context.admin);
  say(`the platform serves again what it had before the cut-over; the imported database is ${returned}`);
  if (source === undefined) {
    say(
      `no --from: the source was not touched. If it is read-only, run there with its name: ${reopenStatement("...")};`,
    );
    return;
  }
  const session = await context.openSource(source);
  await openToWriters(session, source.database);
  say(`the source takes writes again (${reopenStatement(source.database)}); send users back to it`);
};

const act = async (context: Context, say: Say): Promise<void> => {
  const { mode, source, drop } = context.options;
  if (mode === "drop") {
    await confirm(context.io, context.options, `${drop ?? ""} is dropped with everything in it`);
    await dropDatabase(context.admin, drop ?? previous);
    say(`${drop ?? ""} is dropped`);
    return;
  }
  if (mode === "way-back") {
    await wayBack(context, say);
    return;
  }
  if (source === undefined) throw new UserError("--from: missing");
  const looked = await look(context, source);
  if (mode === "check") {
    say("nothing stands in the way");
  } else if (mode === "rehearse") {
    await rehearse(context, source, looked, say);
  } else {
    await cutOver({ context, address: source, holder: await context.openSource(source), ...looked, say });
  }
};

const timed = (print: Say): Say => {
  const began = Date.now();
  return (line) => {
    print(`[${String(Math.round((Date.now() - began) / 1000)).padStart(5)} s] ${line}`);
  };
};

const runImport = async (options: ImportOptions, io: Io): Promise<void> => {
  const context = await openContext(options, io);
  try {
    await act(context, timed(io.print));
  } finally {
    await context.close();
  }
};

/** @throws UserError for everything that a person can put right */
export const dataImport = async (argv: readonly string[], io: Io): Promise<void> => {
  const options = parseOptions(argv);
  if (options === undefined) {
    io.print(usage);
    return;
  }
  await runImport(options, io);
};
