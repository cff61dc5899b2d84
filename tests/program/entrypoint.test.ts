import { beforeEach, describe, expect, it, vi } from "vitest";
import { record } from "../support/harness.ts";
import { exampleConfig } from "../unit/stacks/examples.ts";

/** `index.ts` as the engine loads it: the names that it exports are a contract. */

beforeEach(() => {
  vi.resetModules();
});

describe("index.ts", () => {
  it("exports the documented outputs and no default", async () => {
    const { result, records } = await record(
      async () => (await import("../../index.ts")) as Record<string, unknown>,
      {
        stack: "staging",
        config: exampleConfig("staging"),
      },
    );
    expect(Object.keys(result).sort()).toEqual([
      "apiUrl",
      "caCertificate",
      "complianceGaps",
      "endpoints",
      "namespaces",
      "sharedCluster",
      "sharedClusterKubeconfig",
      "versions",
    ]);
    expect(result["complianceGaps"]).toEqual([
      expect.stringMatching(/^45 CFR 164\.312\(b\): images\.postgres/),
    ]);
    expect(result["apiUrl"]).toBe("https://api.staging.example.com");
    expect(records.length).toBeGreaterThan(70);
  });
});
