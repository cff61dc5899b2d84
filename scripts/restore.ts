/** `npm run restore -- STACK COMMAND`: backups become a database again. See docs/runbooks/restore.md. */

import { restore } from "./lib/restore/run.ts";
import { runMain } from "./lib/user-error.ts";

await runMain(() => restore(process.argv.slice(2), console.log));
