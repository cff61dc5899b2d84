import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Backup, backupFlows, WalgStore, type BackupArgs } from "../../../components/data/index.ts";
import { child, children, image, inventory } from "../../support/components.ts";
import { at, list, text } from "../../support/records.ts";

const args = (changes: Partial<BackupArgs> = {}): BackupArgs => ({
  prefix: "hc",
  namespace: "hc-data",
  image: image("postgres", "18.6-trixie"),
  size: { cpuMillis: 100, memoryMiB: 192, memoryLimitMiB: 320 },
  keeperSize: { cpuMillis: 10, memoryMiB: 16, memoryLimitMiB: 320 },
  priorityClass: "hc-jobs",
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
  databaseHost: "postgres.hc-data.svc",
  retainFull: 7,
  fingerprintSeconds: 60,
  schedule: "15 1 * * *",
  verifySchedule: "45 2 * * *",
  timeZone: "Europe/Berlin",
  ...changes,
});
const made = async (changes: Partial<BackupArgs> = {}) =>
  await children("backup", () => new Backup("backup", args(changes)));

describe("Backup", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual([
      "ConfigMap backup-scripts",
      "CronJob backup-daily",
      "CronJob backup-verify",
      "Deployment backup-keeper",
      "ServiceAccount backup-account",
    ]);
  });

  it.each([
    ["backup-daily", "backup", "15 1 * * *", 12 * 3600],
    ["backup-verify", "backup-verify", "45 2 * * *", 3600],
  ])("%s never overlaps, ends in time and is remembered", async (name, objectName, schedule, seconds) => {
    const cron = child(await made(), name).inputs;
    expect(at(cron, "metadata.name")).toBe(objectName);
    expect(at(cron, "spec.schedule")).toBe(schedule);
    expect(at(cron, "spec.timeZone")).toBe("Europe/Berlin");
    expect(at(cron, "spec.concurrencyPolicy")).toBe("Forbid");
    expect(at(cron, "spec.startingDeadlineSeconds")).toBe(6 * 3600);
    expect(at(cron, "spec.successfulJobsHistoryLimit")).toBe(3);
    expect(at(cron, "spec.failedJobsHistoryLimit")).toBe(3);
    expect(at(cron, "spec.jobTemplate.spec.activeDeadlineSeconds")).toBe(seconds);
    expect(at(cron, "spec.jobTemplate.spec.backoffLimit")).toBe(2);
  });

  it("only reads the database's volumes, on the database's node", async () => {
    for (const root of ["spec.jobTemplate.spec.template.spec", "spec.template.spec"]) {
      const record = child(await made(), root.startsWith("spec.job") ? "backup-daily" : "backup-keeper");
      const mounts = list(record.inputs, `${root}.containers.0.volumeMounts`);
      const volumes = mounts.filter((mount) => ["data", "wal"].includes(text(mount, "name")));
      expect(volumes.map((mount) => [at(mount, "mountPath"), at(mount, "readOnly")])).toEqual([
        ["/var/lib/postgresql", true],
        ["/var/lib/postgresql-wal", true],
      ]);
      const affinity = `${root}.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution.0`;
      expect(at(record.inputs, `${affinity}.labelSelector.matchLabels`)).toEqual({
        "app.kubernetes.io/name": "postgres",
        "app.kubernetes.io/instance": "hc",
        "app.kubernetes.io/component": "database",
      });
    }
  });

  it("logs in with verification, as a role of its own, with a password from a file", async () => {
    const cron = child(await made(), "backup-daily").inputs;
    const env = Object.fromEntries(
      list(cron, "spec.jobTemplate.spec.template.spec.containers.0.env").map((entry) => [
        text(entry, "name"),
        text(entry, "value"),
      ]),
    );
    expect(env).toMatchObject({
      PGHOST: "postgres.hc-data.svc",
      PGUSER: "backup",
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: "/etc/platform/ca/ca.crt",
      PLATFORM_PASSWORD_FILE: "/run/platform/backup-password/backup",
      PLATFORM_RETAIN_FULL: "7",
      PLATFORM_FINGERPRINT_SECONDS: "60",
      GOMEMLIMIT: "256MiB",
    });
  });

  it("sends the log while it is being written only on request, beside the keeper and with less", async () => {
    const containers = "spec.template.spec.containers";
    expect(list(child(await made(), "backup-keeper").inputs, containers)).toHaveLength(1);
    const size = { cpuMillis: 50, memoryMiB: 64, memoryLimitMiB: 256 };
    const keeper = child(await made({ stream: { size } }), "backup-keeper").inputs;
    const [, stream = {}] = list(keeper, containers);
    expect([at(stream, "name"), at(stream, "command")]).toEqual([
      "stream",
      ["bash", "/etc/platform/postgres/stream.sh"],
    ]);
    expect(at(stream, "resources.limits.memory")).toBe("256Mi");
    const names = list(stream, "env").map((entry) => text(entry, "name"));
    expect(names).toContain("PLATFORM_STREAM_DIRECTORY");
    expect(names).not.toContain("PLATFORM_RETAIN_FULL");
    const volumes = list(keeper, "spec.template.spec.volumes").filter((v) => text(v, "name") === "stream");
    expect(volumes).toEqual([{ name: "stream", emptyDir: { medium: "Memory", sizeLimit: "96Mi" } }]);
    // wal-g's memory and the pieces together stay below the limit.
    expect(list(stream, "env")).toContainEqual({ name: "GOMEMLIMIT", value: "64MiB" });
  });

  it("takes no fingerprint where there is no drill, and never deletes the last backup", async () => {
    const cron = child(await made({ fingerprintSeconds: undefined }), "backup-daily").inputs;
    expect(JSON.stringify(cron)).not.toContain("PLATFORM_FINGERPRINT_SECONDS");
    await expect(made({ retainFull: 0 })).rejects.toThrow(/data\.backup\.retainFull: 0/);
  });
});

describe("backupFlows", () => {
  it("opens the database and the store, and listens on nothing", () => {
    const flows = backupFlows("hc", {
      endpoint: "https://store.example.com:9443",
      endpointCidrs: [],
      downloadUrl: undefined,
    });
    expect(flows.map((flow) => flow.workload)).toEqual(["backup", "backup-keeper"]);
    for (const flow of flows) {
      expect(flow.listens).toEqual([]);
      expect(flow.calls).toEqual([
        { workload: "data/postgres", port: "postgres" },
        { service: "dns" },
        { internetPorts: [9443] },
      ]);
    }
  });
});

describe("WalgStore", () => {
  it("holds the credentials as a file of the AWS tools, and the key, all of it secret", async () => {
    const store = await children(
      "store",
      () =>
        new WalgStore("store", {
          namespace: "hc-data",
          labels: {},
          accessKeyId: pulumi.secret("canary-id"),
          secretAccessKey: pulumi.secret("canary-secret"),
          encryptionKey: pulumi.secret("ab".repeat(32)),
          caCertificate: "-----BEGIN CERTIFICATE-----",
        }),
    );
    const secret = child(store, "store-secret");
    expect(at(secret.inputs, "metadata.name")).toBe("walg");
    expect(at(secret.inputs, "stringData")).toEqual({
      credentials: "[default]\naws_access_key_id = canary-id\naws_secret_access_key = canary-secret\n",
      "encryption-key": "ab".repeat(32),
      "ca.crt": "-----BEGIN CERTIFICATE-----",
    });
  });
});
