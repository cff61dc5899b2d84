/**
 * `npm run stack:init -- STACK`: everything a stack file needs before the first `pulumi up`.
 *
 * Looks first, asks, checks, and only then writes; a run that was cut off is finished by running it again. Changes the
 * stack file, the list of stacks in the backend, with --root-password one line in the host's authorized_keys, and with
 * --state-bucket the versioning of that bucket.
 */

import { terminalPrompter } from "./lib/prompt.ts";
import { stackInit } from "./lib/stack-init.ts";
import { runMain } from "./lib/user-error.ts";

await runMain(() => stackInit(process.argv.slice(2), { print: console.log, prompter: terminalPrompter }));
