import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The runner would take the slowest file first; these tell a story: serving, resilience, ..., destroy. */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve([...files].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1)));
  }
}

/** Tests on throw-away hosts. One host carries the platform (tests/e2e/setup.ts); files run in the order of their names. */
export default defineConfig({
  test: {
    include: ["tests/e2e/**/*.test.ts"],
    globalSetup: ["tests/e2e/setup.ts"],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 900_000,
    hookTimeout: 3_600_000,
  },
});
