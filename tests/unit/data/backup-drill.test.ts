import { describe, expect, it } from "vitest";
import { Drill, drillFlows, type DrillArgs } from "../../../components/data/index.ts";
import { child, children, image, inventory } from "../../support/components.ts";
import { at, list, text } from "../../support/records.ts";

const args = (changes: Partial<DrillArgs> = {}): DrillArgs => ({
  prefix: "hc",
  namespace: "hc-drill",
  image: image("postgres", "18.6-trixie"),
  size: { cpuMillis: 100, memoryMiB: 384, memoryLimitMiB: 512 },
  priorityClass: "hc-jobs",
  storageClass: "hc-retain",
  storageGiB: 20,
  schedule: "0 5 * * 0",
  timeZone: "Etc/UTC",
  store: {
    endpoint: "https://store.example.com",
    bucket: "hc-backups",
    prefix: "pg18/hc",
    region: "default",
    pathStyle: true,
    caCertificate: undefined,
    deltaMaxSteps: 6,
    networkRateLimitMiBps: undefined,
  },
  source: { kind: "image" },
  ...changes,
});
const made = async (changes: Partial<DrillArgs> = {}) =>
  await children("drill", () => new Drill("drill", args(changes)));

describe("Drill", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual([
      "ConfigMap drill-scripts",
      "CronJob drill-cron",
      "PersistentVolumeClaim drill-evidence",
      "PersistentVolumeClaim drill-restored",
      "ServiceAccount drill-account",
    ]);
  });

  it("gives one verdict per run, on a schedule, and keeps it", async () => {
    const cron = child(await made(), "drill-cron").inputs;
    expect(at(cron, "metadata.name")).toBe("restore-drill");
    expect(at(cron, "spec.schedule")).toBe("0 5 * * 0");
    expect(at(cron, "spec.timeZone")).toBe("Etc/UTC");
    expect(at(cron, "spec.concurrencyPolicy")).toBe("Forbid");
    expect(at(cron, "spec.jobTemplate.spec.backoffLimit")).toBe(0);
    const evidence = child(await made(), "drill-evidence");
    expect([evidence.protect, evidence.retainOnDelete]).toEqual([true, true]);
  });

  it("knows no password and no name of the database: it cannot touch production", async () => {
    const cron = JSON.stringify(child(await made(), "drill-cron").inputs);
    expect(cron).not.toMatch(/PGHOST|postgres-passwords|postgres-data|PLATFORM_PASSWORD/);
  });

  it("restores into as much room as the database has, and keeps a downloaded wal-g with the verdicts", async () => {
    const url = "https://example.com/wal-g";
    const source = { kind: "download", url, sha256: "cd".repeat(32), curl: image("curl", "8.21.0") } as const;
    const all = await made({ source });
    expect(at(child(all, "drill-restored").inputs, "spec.resources.requests.storage")).toBe("20Gi");
    const pod = "spec.jobTemplate.spec.template.spec";
    const cron = child(all, "drill-cron").inputs;
    expect(list(cron, `${pod}.initContainers`).map((c) => text(c, "name"))).toEqual(["wal-g"]);
    expect(
      list(cron, `${pod}.containers.0.env`).find((entry) => text(entry, "name") === "PLATFORM_WALG"),
    ).toEqual({
      name: "PLATFORM_WALG",
      value: "/var/lib/platform-evidence/.wal-g/cdcdcdcdcdcdcdcd/wal-g",
    });
  });
});

describe("drillFlows", () => {
  it("are names and the store, nothing else", () => {
    const flow = drillFlows("hc", {
      endpoint: "https://store.example.com",
      endpointCidrs: ["10.8.0.0/24"],
      downloadUrl: undefined,
    });
    expect(flow.layer).toBe("drill");
    expect(flow.listens).toEqual([]);
    expect(flow.calls).toEqual([{ service: "dns" }, { addresses: { cidrs: ["10.8.0.0/24"], port: 443 } }]);
  });
});
