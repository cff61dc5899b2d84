/** Moves schema and rows: pg_dump and pg_restore of the platform's own version, in one pod, without a file of rows. */

import { createInterface } from "node:readline";
import { UserError } from "../user-error.ts";
import { ownSchemas, roles } from "./names.ts";
import { clientCommand } from "./session.ts";
import type { SessionArgs, Spawn } from "./session.ts";

export interface CopyArgs {
  readonly spawn: Spawn;
  readonly source: Omit<SessionArgs, "spawn" | "name">;
  readonly target: Omit<SessionArgs, "spawn" | "name">;
  /** From pg_export_snapshot() of a transaction that stays open. */
  readonly snapshot: string;
  /** Schemas that were made for extensions before. */
  readonly madeSchemas: readonly string[];
  /** Bytes of write-ahead log at which the copy waits; 0: never. */
  readonly walLimit: number;
  /** Directory for the schema (not the rows). */
  readonly scratch: string;
  /** Told every few seconds how many bytes the copy has, and whether it waits for the log. */
  readonly progress: (bytes: number, waiting: boolean) => void;
}

/** Indexes are built by so many at a time. */
const jobs = 2;

/**
 * $1 snapshot, $2 target database, $3 limit of the log, $4 pattern of entries to leave out, $5 scratch directory.
 * `source` and `target` run a client program against either server. It ends when its standard input ends, because then
 * nobody watches it any more.
 */
const script = `set -euo pipefail
snapshot=$1 database=$2 limit=$3 leave=$4 scratch=$5
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
trap 'exit 143' TERM
(cat; kill -TERM $$) <&0 >/dev/null 2>&1 &
mkdir -p "$scratch"
cd "$scratch"
rm -rf ./*
dump() { source pg_dump --snapshot="$snapshot" --format=custom --no-tablespaces --no-publications --no-subscriptions \\
  --no-security-labels --lock-wait-timeout=60s ${ownSchemas.map((name) => `--exclude-schema=${name}`).join(" ")} "$@"; }
restore() { target pg_restore --dbname="$database" --no-owner --no-privileges --role=${roles.migration} --exit-on-error "$@"; }
ask() { target psql --no-psqlrc --quiet --no-align --tuples-only --dbname="$1" --command="$2"; }
size() { ask postgres "SELECT pg_database_size('$database')"; }
# Values of rows stand in DETAIL and CONTEXT, so these lines are left out.
fail() { echo "failed $1: $(grep -vE 'DETAIL|CONTEXT|HINT|Command was|^$' "$2" | grep -E 'error|fatal' | tail -n 1)"; exit 1; }
# log_full: whether the log has reached its limit; a checkpoint lets go what is archived.
log_full() {
  (( limit > 0 )) || return 1
  (( $(ask postgres 'SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()') > limit )) || return 1
  ask postgres CHECKPOINT
  (( $(ask postgres 'SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()') > limit ))
}
# watch PID STOPPABLE: until it ends.
watch() {
  local state=going
  while kill -0 "$1" 2>/dev/null; do
    if log_full; then
      [[ $state == waiting ]] || kill -STOP "$2"
      state=waiting
    elif [[ $state == waiting ]]; then
      kill -CONT "$2"
      state=going
    fi
    echo "progress $(size) $state"
    for _ in {1..10}; do kill -0 "$1" 2>/dev/null || break; sleep 0.5; done
  done
}

echo 'step schema'
dump --section=pre-data --file=pre 2>pre.err || fail 'reading the schema' pre.err
dump --section=post-data --file=post 2>post.err || fail 'reading the schema' post.err
target pg_restore --list pre | { grep -vE "$leave" || true; } >pre.list
restore --use-list=pre.list pre 2>pre.err || fail 'making the schema' pre.err

echo 'step rows'
mkfifo rows
dump --section=data --compress=none >rows 2>dump.err & dumper=$!
restore --section=data <rows 2>rows.err & restorer=$!
watch "$restorer" "$dumper"
wait "$dumper" || { [[ -s rows.err ]] && fail 'writing the rows' rows.err; fail 'reading the rows' dump.err; }
wait "$restorer" || fail 'writing the rows' rows.err

echo 'step indexes'
target pg_restore --list post | { grep -vE "$leave" || true; } >post.list
restore --jobs=${String(jobs)} --use-list=post.list post 2>post.err & restorer=$!
watch "$restorer" "$restorer"
wait "$restorer" || fail 'making indexes and constraints' post.err
rm -rf ./*
echo finished
`;

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
const define = (name: string, client: readonly string[]): string =>
  `${name}() { local program=$1; shift; ${client.slice(0, -1).map(quote).join(" ")} "$program" "$@"; }\n`;

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Entries of the archive that exist already: extensions, their comments, schemas made for them. */
export const leftOut = (madeSchemas: readonly string[]): string =>
  ["EXTENSION - ", "COMMENT - EXTENSION ", ...madeSchemas.map((schema) => `SCHEMA - ${escaped(schema)} `)]
    .map((entry) => `^[0-9]+; [0-9]+ [0-9]+ ${entry}`)
    .join("|");

/** @throws UserError that names the step and the program's message, without values of rows */
export const copy = (args: CopyArgs): Promise<void> =>
  new Promise((resolve, reject) => {
    const text =
      define("source", clientCommand("", args.source)) +
      define("target", clientCommand("", args.target)) +
      script;
    const values = [
      args.snapshot,
      args.target.database,
      String(args.walLimit),
      leftOut(args.madeSchemas),
      args.scratch,
    ];
    const child = args.spawn(["bash", "-c", text, "copy", ...values]);
    let failure: string | undefined;
    let finished = false;
    const said: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [word, bytes, state] = line.split(" ");
      if (word === "progress") args.progress(Number(bytes), state === "waiting");
      else if (word === "failed") failure ??= line.slice("failed ".length);
      else if (word === "finished") finished = true;
    });
    createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
    child.stdin.on("error", () => undefined);
    child.on("error", reject);
    child.on("close", () => {
      if (finished) resolve();
      else reject(new UserError(`copy: ${failure ?? (said.slice(-3).join(" ") || "was cut off")}`));
    });
  });
