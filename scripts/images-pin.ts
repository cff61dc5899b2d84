/**
 * `npm run images:pin -- NAME TAG`: asks the registry what TAG stands for and writes the digest into the catalogue.
 * Changes one entry of components/workload/images.ts, or nothing.
 */

import { pinImage } from "./lib/pin-image.ts";
import { runMain } from "./lib/user-error.ts";

await runMain(() => pinImage(process.argv.slice(2), console.log));
