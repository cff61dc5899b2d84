/** Flags of data:import. */

import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Prompter } from "../prompt.ts";
import { UserError } from "../user-error.ts";
import { incoming, previous, rehearsal, returned } from "./names.ts";
import { parseSource } from "./source-address.ts";
import type { SourceAddress } from "./source-address.ts";

export const usage = `usage: npm run data:import -- STACK --from postgresql://USER@HOST:PORT/DATABASE [flags]

Moves an existing PostgreSQL database (13 or newer) into the platform. Without --cut-over it rehearses: everything is
copied into a scratch database, compared, measured and dropped; the source and the platform go on as before.

  --from URL              the source, as this machine reaches it; sslmode and sslrootcert as libpq knows them.
                          USER: the owner of the database or a superuser. No password in it
  --via COMMAND           reach the source through a command whose standard streams are a connection to it, e.g.
                          --via 'ssh -W 127.0.0.1:5432 old-vps'
  --password-file FILE    the source's password; else the variable IMPORT_SOURCE_PASSWORD; else it is asked for
  --check                 look only: every problem at once, nothing is copied
  --cut-over              close the source to writers, copy, compare, and put the copy in place
  --max-downtime SECONDS  with --cut-over: go back when it takes longer
  --writers-stopped       with --cut-over: do not close the source, I have stopped everything that writes to it
  --without-rehearsal     with --cut-over: although no rehearsal of this source has succeeded
  --way-back              open the source to writers again, and put back what the platform had before
  --drop NAME             remove a database that an import left: ${[previous, returned, incoming, rehearsal].join(", ")}
  --take-over             end another import that seems to run
  --config-file PATH      another stack file than Pulumi.STACK.yaml
  --yes                   do not ask before a cut-over, a way back or a drop
`;

export type Mode = "check" | "rehearse" | "cut-over" | "way-back" | "drop";

export interface ImportOptions {
  readonly stack: string;
  readonly configFile: string | undefined;
  readonly mode: Mode;
  /** Undefined only with --drop, and with --way-back when the source is gone. */
  readonly source: SourceAddress | undefined;
  readonly via: string | undefined;
  readonly passwordFile: string | undefined;
  readonly maxDowntimeSeconds: number | undefined;
  readonly writersStopped: boolean;
  readonly withoutRehearsal: boolean;
  readonly takeOver: boolean;
  readonly yes: boolean;
  readonly drop: string | undefined;
}

const string = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;

const read = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        from: string,
        via: string,
        "password-file": string,
        check: flag,
        "cut-over": flag,
        "max-downtime": string,
        "writers-stopped": flag,
        "without-rehearsal": flag,
        "way-back": flag,
        drop: string,
        "take-over": flag,
        "config-file": string,
        yes: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
};

type Values = ReturnType<typeof read>["values"];

const modeOf = (v: Values): Mode => {
  const chosen = [
    ...(v.check ? (["check"] as const) : []),
    ...(v["cut-over"] ? (["cut-over"] as const) : []),
    ...(v["way-back"] ? (["way-back"] as const) : []),
    ...(v.drop === undefined ? [] : (["drop"] as const)),
  ];
  if (chosen.length > 1) throw new UserError(`--${chosen.join(", --")}: choose one`);
  return chosen[0] ?? "rehearse";
};

const onlyWithCutOver = ["max-downtime", "writers-stopped", "without-rehearsal"] as const;

const checkTogether = (v: Values, mode: Mode): void => {
  const misplaced = onlyWithCutOver.filter(
    (name) => mode !== "cut-over" && v[name] !== undefined && v[name] !== false,
  );
  if (misplaced.length > 0) throw new UserError(`--${misplaced.join(", --")}: only with --cut-over`);
  const droppable = [previous, returned, incoming, rehearsal];
  if (v.drop !== undefined && !droppable.includes(v.drop))
    throw new UserError(
      `--drop: "${v.drop}" is none of ${droppable.join(", ")}; nothing else is ever dropped`,
    );
  if (v.from === undefined && mode !== "drop" && mode !== "way-back")
    throw new UserError(`--from: missing\n\n${usage}`);
  if (v.from === undefined && v.via !== undefined) throw new UserError("--via: only with --from");
};

const seconds = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 10)
    throw new UserError(`--max-downtime: "${text}" is not a number of seconds of at least 10`);
  return value;
};

/** @throws UserError that names the flag; undefined when help was asked for. */
export const parseOptions = (argv: readonly string[]): ImportOptions | undefined => {
  const { values: v, positionals } = read(argv);
  if (v.help) return undefined;
  const [stack, ...more] = positionals;
  if (stack === undefined || more.length > 0 || !/^[A-Za-z0-9._/-]{1,200}$/.test(stack)) {
    throw new UserError(
      `STACK: exactly one stack name is needed, seen: ${positionals.join(" ") || "none"}\n\n${usage}`,
    );
  }
  const mode = modeOf(v);
  checkTogether(v, mode);
  return {
    stack,
    mode,
    configFile: v["config-file"],
    source: v.from === undefined ? undefined : parseSource(v.from, v.via !== undefined),
    via: v.via,
    passwordFile: v["password-file"],
    maxDowntimeSeconds: seconds(v["max-downtime"]),
    writersStopped: v["writers-stopped"],
    withoutRehearsal: v["without-rehearsal"],
    takeOver: v["take-over"],
    yes: v.yes,
    drop: v.drop,
  };
};

/** The source's password: file, environment, question. Never an argument. */
export const readPassword = async (
  file: string | undefined,
  prompter: () => Prompter,
  interactive: boolean,
): Promise<string> => {
  if (file !== undefined) {
    if (!existsSync(file)) throw new UserError(`--password-file: ${file} does not exist`);
    const password = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    if (password === "")
      throw new UserError(
        `--password-file: ${file} is empty; for a source that asks for no password set IMPORT_SOURCE_PASSWORD=""`,
      );
    return password;
  }
  const given = process.env["IMPORT_SOURCE_PASSWORD"];
  if (given !== undefined) return given;
  if (!interactive)
    throw new UserError("password of the source: use --password-file FILE or IMPORT_SOURCE_PASSWORD");
  const asking = prompter();
  try {
    return await asking.askSecret("Password of the source (empty if it asks for none):");
  } finally {
    asking.close();
  }
};
