import { defineConfig } from "vitest/config";

/**
 * The offline suite: unit and program tests, npm alone is enough.
 * Tests that need the engine or a host have configs of their own.
 */
export default defineConfig({
  test: {
    include: ["tests/unit/**/*.test.ts", "tests/program/**/*.test.ts"],
    // Importing the SDKs costs 0.65 s per isolated file, and no module registers resources at import.
    isolate: false,
    // The default leaves one processor free, of two that is half.
    maxWorkers: "100%",
    restoreMocks: true,
    unstubEnvs: true,
    testTimeout: 15_000,
  },
});
