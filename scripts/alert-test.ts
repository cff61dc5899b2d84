/**
 * `npm run alert:test -- STACK`: sends a test alert through the running Alertmanager and says whether the receiver took
 * it. Changes nothing; whoever gets the alerts gets one more.
 */

import { alertTest } from "./lib/alert-test/run.ts";
import { runMain } from "./lib/user-error.ts";

await runMain(() => alertTest(process.argv.slice(2), console.log));
