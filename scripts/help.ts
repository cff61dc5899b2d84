/** Prints the npm scripts that people run, with what each may change. `make help` prints it too. */

import { commands, renderHelp } from "./lib/commands.ts";

console.log(renderHelp(commands));
