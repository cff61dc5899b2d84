import { defineConfig } from "vitest/config";

/** Tests on throw-away hosts. One host carries the platform (tests/e2e/setup.ts); files run in the order of their names. */
export default defineConfig({
  test: {
    include: ["tests/e2e/**/*.test.ts"],
    globalSetup: ["tests/e2e/setup.ts"],
    fileParallelism: false,
    sequence: { shuffle: false },
    testTimeout: 900_000,
    hookTimeout: 3_600_000,
  },
});
