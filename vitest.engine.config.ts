import { defineConfig } from "vitest/config";

/** Tests that need the Pulumi engine and the plugins, but no host. */
export default defineConfig({
  test: {
    include: ["tests/engine/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 2_400_000, // a cold build of the engine and the plugins
  },
});
