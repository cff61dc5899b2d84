/**
 * `npm run data:import -- STACK --from ...`: moves an existing PostgreSQL database into the platform.
 *
 * Rehearses unless told otherwise. Changes databases of the platform's server (never what is in `userdb` itself: it is
 * exchanged as a whole and kept), for its duration a pod in the data namespace, and with --cut-over one setting of the
 * source.
 */

import { dataImport } from "./lib/import/run.ts";
import { terminalPrompter } from "./lib/prompt.ts";
import { runMain } from "./lib/user-error.ts";

await runMain(() =>
  dataImport(process.argv.slice(2), {
    print: console.log,
    prompter: terminalPrompter,
    interactive: process.stdin.isTTY,
  }),
);
