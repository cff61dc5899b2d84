import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  allowedLabels,
  renderRules,
  ruleGroups,
  type RuleFeatures,
} from "../../../components/observability/index.ts";
import { everyRule } from "../../rules/every-rule.ts";

const repository = join(import.meta.dirname, "../../..");
const namesOf = (features: RuleFeatures): readonly string[] =>
  ruleGroups(features).flatMap((group) => group.alerts.map(({ name }) => name));
const all = ruleGroups(everyRule).flatMap((group) => group.alerts);

interface AlertTest {
  readonly alertname: string;
  readonly exp_alerts?: readonly {
    readonly exp_labels: Readonly<Record<string, string>>;
    readonly exp_annotations: Readonly<Record<string, string>>;
  }[];
}

/** The promtool tests, as data. They run in `make test`, where promtool is. */
const alertTests: readonly AlertTest[] = readdirSync(join(repository, "tests/rules"))
  .filter((file) => file.endsWith(".yaml"))
  .flatMap((file) => {
    const content = parse(readFileSync(join(repository, "tests/rules", file), "utf8")) as {
      tests: { alert_rule_test: AlertTest[] }[];
    };
    return content.tests.flatMap((test) => test.alert_rule_test);
  });
const firing = alertTests.filter((test) => (test.exp_alerts ?? []).length > 0);

describe("alert rules", () => {
  it("have names of their own", () => {
    const names = namesOf(everyRule);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("Watchdog");
  });

  it.each(all.map(({ name }) => name))("%s has a test in which it fires", (name) => {
    expect(firing.map((test) => test.alertname)).toContain(name);
  });

  // What always fires has no other test.
  it.each(all.map(({ name }) => name).filter((name) => name !== "Watchdog"))(
    "%s has a test in which it is silent",
    (name) => {
      const silent = alertTests.filter((test) => (test.exp_alerts ?? []).length === 0);
      expect(silent.map((test) => test.alertname)).toContain(name);
    },
  );

  it("carries no label out that is not on the list", () => {
    const labels = firing.flatMap((test) =>
      (test.exp_alerts ?? []).flatMap((a) => Object.keys(a.exp_labels)),
    );
    expect(labels.length).toBeGreaterThan(all.length);
    expect(labels.filter((label) => !(allowedLabels as readonly string[]).includes(label))).toEqual([]);
  });

  it("speaks of nothing but labels on the list, and of the value", () => {
    const used = all.flatMap(({ summary }) => [...summary.matchAll(/\{\{\s*(.*?)\s*\}\}/g)].map((m) => m[1]));
    const fine = [...allowedLabels.map((label) => `$labels.${label}`), "$value"];
    expect(
      used.filter((text) => !fine.some((f) => text === f || text?.startsWith(`${f} | humanize`))),
    ).toEqual([]);
  });

  it("sends people to a place that exists", () => {
    const headings = [
      ...readFileSync(join(repository, "docs/runbooks/alerts.md"), "utf8").matchAll(/^### (\w+)$/gm),
    ];
    expect(headings.map((h) => h[1]).toSorted()).toEqual(all.map(({ name }) => name).toSorted());
    const file = parse(renderRules(everyRule)) as {
      groups: { rules: { alert: string; annotations: { runbook_url: string } }[] }[];
    };
    const links = file.groups.flatMap((g) => g.rules.map((r) => [r.alert, r.annotations.runbook_url]));
    expect(links).toEqual(all.map(({ name }) => [name, `docs/runbooks/alerts.md#${name.toLowerCase()}`]));
  });

  it("groups by labels on the list only", () => {
    const grouped = all.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:by|on|left) \(([^)]*)\)/g)].map((m) => m[1] ?? ""),
    );
    const labels = grouped.flatMap((text) => text.split(", ")).filter((text) => text !== "");
    expect(labels.filter((label) => !(allowedLabels as readonly string[]).includes(label))).toEqual([]);
  });

  it("are only about what runs", () => {
    const bare: RuleFeatures = {
      backup: false,
      stream: false,
      drill: undefined,
      node: false,
      certificates: [],
      jobs: ["postgres"],
    };
    expect(namesOf(bare)).not.toContain("BackupTooOld");
    expect(namesOf(bare)).not.toContain("RestoreDrillStale");
    expect(namesOf(bare)).not.toContain("DiskWillFill");
    expect(namesOf(bare)).not.toContain("PgBouncerDown");
    expect(namesOf(bare)).not.toContain("CacheDown");
    expect(namesOf(bare)).toContain("PostgresDown");
    expect(namesOf(bare)).not.toContain("CertificateExpiring");
    expect(namesOf({ ...bare, backup: true })).toContain("ArchiveStale");
  });

  it("wait for a drill as long as its schedule lets it take, and two days", () => {
    const stale = (gapDays: number) =>
      ruleGroups({ ...everyRule, drill: { gapDays } })
        .flatMap((group) => group.alerts)
        .find(({ name }) => name === "RestoreDrillStale");
    expect(stale(7)).toMatchObject({
      expr: expect.stringContaining(") > 9 * 86400 or ") as string,
      summary: "No restore of the backups has been rehearsed with success for 9 days.",
    });
    expect(stale(31)?.expr).toContain(") > 33 * 86400 or ");
  });

  it("misses every job that should be there", () => {
    const missing = all.find(({ name }) => name === "TargetMissing")?.expr ?? "";
    for (const job of everyRule.jobs) expect(missing).toContain(`absent(up{job="${job}"})`);
  });
});
