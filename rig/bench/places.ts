/** What the benchmarks call their host, store and work directory; `rig/bench.ts` removes all of them. */
import { join } from "node:path";

import { repository } from "../stack.ts";

export const benchHost = "bench";
export const benchStore = "bench";
export const benchDirectory = join(repository, ".rig", "bench");
