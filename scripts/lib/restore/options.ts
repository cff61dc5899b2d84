/** Flags of `npm run restore`. */

import { parseArgs } from "node:util";
import { UserError } from "../user-error.ts";

export const usage = `usage: npm run restore -- STACK COMMAND [flags]

  list                     the backups in the store
  scratch                  restore into a pod of its own, beside the running database; nothing of production is touched
  scratch --remove         remove that pod and what was restored in it
  in-place --overwrite P   replace the database; P is the stack's prefix, typed by hand. The application stops meanwhile,
                           the data that is there now is kept aside

  --backup NAME            this backup; default: the newest
  --to-time TIME           as it was then, e.g. 2026-11-23T09:14:25Z; default: everything that was archived
  --config-file PATH       another stack file than Pulumi.STACK.yaml
`;

export interface RestoreOptions {
  readonly stack: string;
  readonly configFile: string | undefined;
  readonly command: "list" | "scratch" | "remove-scratch" | "in-place";
  /** `LATEST` or the name of a backup. */
  readonly backup: string;
  /** With its zone. Undefined: to the end of the log. */
  readonly time: string | undefined;
  /** What was typed after --overwrite. */
  readonly overwrite: string | undefined;
}

const text = { type: "string" } as const;

const read = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        backup: text,
        "to-time": text,
        overwrite: text,
        remove: { type: "boolean", default: false },
        "config-file": text,
      },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
};

/** A moment without a zone would be another one on another machine. */
const timePattern = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$/;
const backupPattern = /^base_[0-9A-F]{24}(_D_[0-9A-F]{24})?$/;

const checkTarget = (backup: string | undefined, time: string | undefined): void => {
  if (time !== undefined && (!timePattern.test(time) || Number.isNaN(Date.parse(time))))
    throw new UserError(`--to-time: "${time}" is not a time with its zone, such as 2026-11-23T09:14:25Z`);
  if (time !== undefined && Date.parse(time) > Date.now())
    throw new UserError(`--to-time: ${time} has not come yet`);
  if (backup !== undefined && !backupPattern.test(backup))
    throw new UserError(`--backup: "${backup}" is not the name of a backup; "list" shows them`);
};

const commands = ["list", "scratch", "in-place"] as const;

/** @throws UserError that names the flag. */
export const parseOptions = (argv: readonly string[]): RestoreOptions => {
  const { values, positionals } = read(argv);
  const [stack, wanted, ...rest] = positionals;
  const command = commands.find((known) => known === wanted);
  if (stack === undefined || command === undefined || rest.length > 0) throw new UserError(usage);
  const { backup, overwrite, remove } = values;
  const time = values["to-time"];
  checkTarget(backup, time);
  if (command === "in-place" && overwrite === undefined)
    throw new UserError(
      "--overwrite: missing; it takes the prefix of the stack whose database is to be replaced",
    );
  if (command !== "in-place" && overwrite !== undefined)
    throw new UserError("--overwrite: only with in-place");
  if (command !== "scratch" && remove) throw new UserError("--remove: only with scratch");
  if ((command === "list" || remove) && (backup !== undefined || time !== undefined))
    throw new UserError("--backup, --to-time: only with a restore");
  return {
    stack,
    configFile: values["config-file"],
    command: remove ? "remove-scratch" : command,
    backup: backup ?? "LATEST",
    time,
    overwrite,
  };
};
