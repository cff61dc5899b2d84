import { defineConfig } from "vitest/config";

/** The way from a bare host to a node, on throw-away hosts of each test's own; no platform runs beside them. */
export default defineConfig({
  test: {
    include: ["tests/bootstrap/**/*.test.ts"],
    fileParallelism: false,
    // Tests of one file that say so run side by side, each on a host of its own.
    maxConcurrency: 2,
    testTimeout: 900_000,
    hookTimeout: 3_600_000,
  },
});
