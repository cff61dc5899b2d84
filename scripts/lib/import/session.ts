/** One psql process that is kept open: statements in, rows out. Transactions and exported snapshots live in it. */

import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { UserError } from "../user-error.ts";

/** Starts a program where both servers' sockets are, with its standard streams connected. */
export type Spawn = (argv: readonly string[]) => ChildProcessWithoutNullStreams;

export interface SessionArgs {
  readonly spawn: Spawn;
  /** Stands in errors: "source" or "target". */
  readonly name: string;
  /** Directory of the server's socket, as the program sees it. */
  readonly socket: string;
  readonly user: string;
  readonly database: string;
  /** Settings of the session, as libpq's `options`. @default none */
  readonly options?: string;
  /** File with the password, in libpq's format. @default none */
  readonly passwordFile?: string;
}

interface Pending {
  readonly mark: string;
  readonly lines: string[];
  failed: boolean | undefined;
  readonly resolve: (lines: readonly string[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A line on stderr now and then: a connection that is silent for minutes is cut on its way. What sleeps holds none of
 * the streams, or the end of the program would be noticed only when it wakes up.
 */
const heartbeat =
  '(while sleep 20 </dev/null >/dev/null 2>&1; do echo . >&2; done) & beat=$!; trap "kill $beat 2>/dev/null" EXIT; "$@"';

/** Environment and arguments of a libpq program. The password stays in its file. */
export const clientCommand = (
  program: string,
  args: Omit<SessionArgs, "spawn" | "name">,
): readonly string[] => [
  "env",
  `PGHOST=${args.socket}`,
  `PGUSER=${args.user}`,
  `PGDATABASE=${args.database}`,
  "PGPORT=5432",
  "PGAPPNAME=platform-import",
  "PGCLIENTENCODING=UTF8",
  "PGCONNECT_TIMEOUT=30",
  ...(args.options === undefined ? [] : [`PGOPTIONS=${args.options}`]),
  ...(args.passwordFile === undefined ? [] : [`PGPASSFILE=${args.passwordFile}`]),
  program,
];

/** An open session. One statement at a time; a second one waits for the first. */
export class Session {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #said: string[] = [];
  #pending: Pending | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #ended: string | undefined;

  constructor(args: SessionArgs) {
    this.name = args.name;
    const psql = [...clientCommand("psql", args), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"];
    this.#child = args.spawn(["bash", "-c", heartbeat, "session", ...psql]);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#take(line);
    });
    createInterface({ input: this.#child.stderr }).on("line", (line) => {
      if (line !== "." && this.#said.length < 20) this.#said.push(line);
    });
    this.#child.stdin.on("error", () => undefined);
    this.#child.on("error", (error) => {
      this.#end(error.message);
    });
    this.#child.on("close", () => {
      this.#end(this.#said.join(" ") || "the connection was closed");
    });
  }

  /** Runs one statement that returns nothing. @throws UserError with the server's message */
  async run(statement: string): Promise<void> {
    await this.#send(statement);
  }

  /** The rows of a query, each column by its name. Numbers beyond 2^53 have to be cast to text in the query. */
  async rows<T>(query: string): Promise<readonly T[]> {
    const lines = await this.#send(
      `SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]'::jsonb) FROM (${query}) AS q`,
    );
    return JSON.parse(lines.join("\n")) as readonly T[];
  }

  /** The only row of a query. */
  async row<T>(query: string): Promise<T> {
    const [row, ...more] = await this.rows<T>(query);
    if (row === undefined || more.length > 0)
      throw new Error(`${this.name}: expected one row, saw ${String(more.length + (row ? 1 : 0))}`);
    return row;
  }

  /** Ends the session; an open transaction is rolled back. */
  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const closed = new Promise((done) => this.#child.once("close", done));
    this.#child.stdin.end("\\q\n");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await closed;
    clearTimeout(late);
  }

  #send(statement: string): Promise<readonly string[]> {
    const result = this.#queue.then(
      () =>
        new Promise<readonly string[]>((resolve, reject) => {
          if (this.#ended !== undefined) {
            reject(new UserError(`${this.name}: ${this.#ended}`));
            return;
          }
          const mark = randomUUID();
          this.#pending = { mark, lines: [], failed: undefined, resolve, reject };
          const ask = `\\echo ${mark} :ERROR\n\\echo :LAST_ERROR_MESSAGE\n\\echo ${mark}\n`;
          this.#child.stdin.write(`${statement}\n;\n${ask}`);
        }),
    );
    this.#queue = result.catch(() => undefined);
    return result;
  }

  #take(line: string): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (line === `${pending.mark} true` || line === `${pending.mark} false`) {
      pending.failed = line.endsWith("true");
      if (pending.failed) pending.lines.length = 0;
    } else if (line === pending.mark) {
      this.#pending = undefined;
      if (pending.failed === true) pending.reject(new UserError(`${this.name}: ${pending.lines.join(" ")}`));
      else pending.resolve(pending.lines);
    } else if (pending.failed !== false) {
      pending.lines.push(line);
    }
  }

  #end(why: string): void {
    this.#ended ??= why;
    this.#pending?.reject(new UserError(`${this.name}: ${this.#ended}`));
    this.#pending = undefined;
  }
}
