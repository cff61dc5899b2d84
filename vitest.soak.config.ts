import { mergeConfig } from "vitest/config";
import e2e from "./vitest.e2e.config.ts";

/** Long runs of faults on a throw-away host of their own: `make soak`. */
export default mergeConfig(
  { ...e2e, test: { ...e2e.test, include: [] } },
  { test: { include: ["tests/soak/**/*.test.ts"], testTimeout: 5_400_000 } },
);
