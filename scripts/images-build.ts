/**
 * `npm run images:build -- REPOSITORY`: builds images/postgres (PostgreSQL with pgaudit and wal-g) and pushes it.
 * Changes nothing here; prints what to set in the stack.
 */

import { buildImage } from "./lib/build-image.ts";
import { runMain } from "./lib/user-error.ts";

await runMain(() => buildImage(process.argv.slice(2), console.log, (text) => process.stderr.write(text)));
