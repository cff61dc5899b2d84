import { beforeAll, describe, expect, it } from "vitest";
import { runProgram, runTwoStacksOnOneHost } from "../support/program.ts";
import { objectName, ofKind, type ResourceRecord } from "../support/records.ts";
import { allRules } from "../support/rules/index.ts";
import { uniqueNames } from "../support/rules/structure.ts";
import { exampleStacks, canaries } from "../unit/stacks/examples.ts";

/**
 * The rules that every stack of the platform keeps, on the real stack files. Not proved here: that a cluster accepts
 * the objects and that they work together.
 */

const prefixes = { local: "hc-local", staging: "hc-stg", production: "hc-prod" } as const;
const ruleNames = Object.keys(allRules({ prefix: "x", canaries }));

describe.each(exampleStacks)("%s", (stack) => {
  const rules = allRules({ prefix: prefixes[stack], canaries });
  let records: readonly ResourceRecord[];
  beforeAll(async () => {
    ({ records } = await runProgram(stack));
  });

  it("builds every layer", () => {
    expect(records.length).toBeGreaterThan(70);
  });

  it.each(ruleNames)("keeps the rule %s", (name) => {
    expect(rules[name]?.(records)).toEqual([]);
  });

  it("has the inventory that was reviewed", async () => {
    const inventory = records.map(({ type, name }) => `${type}::${name}`).sort();
    await expect(`${inventory.join("\n")}\n`).toMatchFileSnapshot(`./inventory/${stack}.txt`);
  });
});

describe("staging beside production on one cluster", () => {
  let owner: readonly ResourceRecord[];
  let sharer: readonly ResourceRecord[];
  beforeAll(async () => {
    const two = await runTwoStacksOnOneHost();
    owner = two.owner.records;
    sharer = two.sharer.records;
  });

  it.each(ruleNames)("keeps the rule %s in the sharer", (name) => {
    const rules = allRules({ prefix: prefixes.staging, canaries, foreign: ["IngressClass hc-prod-edge"] });
    expect(rules[name]?.(sharer)).toEqual([]);
  });

  it("collides in no name", () => {
    expect(uniqueNames([...owner, ...sharer])).toEqual([]);
  });

  it("leaves host, cluster and edge to the owner", () => {
    expect(sharer.filter((record) => /^(command|platform:(host|cluster)):/.test(record.type))).toEqual([]);
    expect(ofKind(sharer, "DaemonSet", "IngressClass", "ClusterRole", "ClusterRoleBinding")).toEqual([]);
    expect(ofKind(sharer, "Namespace").map(objectName).sort()).toEqual([
      "hc-stg-app",
      "hc-stg-cache",
      "hc-stg-data",
      "hc-stg-drill",
      "hc-stg-monitoring",
    ]);
  });

  it("pushes nothing of the owner out", () => {
    const valuesOf = (records: readonly ResourceRecord[]): readonly number[] =>
      ofKind(records, "PriorityClass").map(({ inputs }) => Number(inputs["value"]));
    expect([valuesOf(owner).length, valuesOf(sharer).length]).toEqual([5, 5]);
    expect(Math.max(...valuesOf(sharer))).toBeLessThan(Math.min(...valuesOf(owner)));
  });

  it("publishes at the owner's edge", () => {
    const routes = ofKind(sharer, "Ingress");
    expect(routes.map((route) => route.inputs["spec"])).toEqual([
      expect.objectContaining({ ingressClassName: "hc-prod-edge" }),
      expect.objectContaining({ ingressClassName: "hc-prod-edge" }),
    ]);
    expect(routes.map((route) => (route.inputs["metadata"] as { namespace: string }).namespace)).toEqual([
      "hc-prod-ingress",
      "hc-prod-ingress",
    ]);
  });

  it("has the inventory that was reviewed", async () => {
    const inventory = sharer.map(({ type, name }) => `${type}::${name}`).sort();
    await expect(`${inventory.join("\n")}\n`).toMatchFileSnapshot(
      "./inventory/staging-beside-production.txt",
    );
  });
});
