import { describe, expect, it } from "vitest";
import { Backup, Drill } from "../../../components/data/index.ts";
import { inPlaceJob, scratchPod, targetArgs } from "../../../scripts/lib/restore/manifests.ts";
import { child, children, image } from "../../support/components.ts";
import { at, list, text } from "../../support/records.ts";

const common = {
  prefix: "hc",
  image: image("postgres", "18.6-trixie"),
  size: { cpuMillis: 100, memoryMiB: 192, memoryLimitMiB: 320 },
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
  schedule: "15 1 * * *",
  timeZone: "Etc/UTC",
} as const;

/** The CronJobs as `pulumi up` makes them. */
const backupCron = async () =>
  child(
    await children(
      "backup",
      () =>
        new Backup("backup", {
          ...common,
          namespace: "hc-data",
          keeperSize: common.size,
          databaseHost: "postgres.hc-data.svc",
          retainFull: 7,
          fingerprintSeconds: 60,
          verifySchedule: "45 2 * * *",
        }),
    ),
    "backup-daily",
  ).inputs;
const drillCron = async () =>
  child(
    await children(
      "drill",
      () =>
        new Drill("drill", { ...common, namespace: "hc-drill", storageClass: "hc-retain", storageGiB: 20 }),
    ),
    "drill-cron",
  ).inputs;

/** As it travels: what is undefined is not there. */
const sent = (manifest: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(manifest)) as Record<string, unknown>;
const target = { backup: "base_000000010000000000000002", time: "2026-01-02T03:04:05Z" };
const expected = [
  { name: "PLATFORM_RESTORE_BACKUP", value: "base_000000010000000000000002" },
  { name: "PLATFORM_RESTORE_TIME", value: "2026-01-02T03:04:05Z" },
];
const resources = { limits: { memory: "768Mi" } };

describe("the job in place", () => {
  const pod = "spec.template.spec";
  const made = async () => sent(inPlaceJob(await backupCron(), resources, target));

  it("is one try, in the database's namespace, under the labels that the store's policy knows", async () => {
    const cron = await backupCron();
    const job = await made();
    expect([at(job, "kind"), at(job, "metadata.name"), at(job, "metadata.namespace")]).toEqual([
      "Job",
      "restore-in-place",
      "hc-data",
    ]);
    expect(at(job, "spec.backoffLimit")).toBe(0);
    expect(at(job, "spec.activeDeadlineSeconds")).toBe(86400);
    expect(at(job, "spec.template.metadata.labels")).toEqual(
      at(cron, "spec.jobTemplate.spec.template.metadata.labels"),
    );
  });

  it("waits for no database, and writes to the volumes that a backup only reads; the rest stays as it was", async () => {
    const job = await made();
    expect(at(job, `${pod}.initContainers`)).toBeUndefined();
    expect(at(job, `${pod}.affinity`)).toBeUndefined();
    expect(at(job, `${pod}.restartPolicy`)).toBe("Never");
    const mounts = list(job, `${pod}.containers.0.volumeMounts`);
    expect(
      mounts.filter((mount) => at(mount, "readOnly") === false).map((mount) => text(mount, "name")),
    ).toEqual(["data", "wal"]);
    const before = list(await backupCron(), `spec.jobTemplate.${pod}.containers.0.volumeMounts`);
    expect(mounts.map((mount) => text(mount, "mountPath"))).toEqual(
      before.map((mount) => text(mount, "mountPath")),
    );
  });

  it("runs its script with the target, the store's environment and the memory of the database", async () => {
    const job = await made();
    const container = `${pod}.containers.0`;
    expect(at(job, `${container}.command`)).toEqual(["bash", "/etc/platform/postgres/restore-in-place.sh"]);
    expect(at(job, `${container}.resources`)).toEqual(resources);
    const env = list(job, `${container}.env`);
    expect(env.slice(-2)).toEqual(expected);
    expect(env.map((entry) => text(entry, "name"))).toContain("WALG_LIBSODIUM_KEY_PATH");
    expect(at(job, `${container}.securityContext.readOnlyRootFilesystem`)).toBe(true);
  });
});

describe("the scratch pod", () => {
  const made = async () => sent(scratchPod(await drillCron(), 20, { backup: "LATEST", time: undefined }));

  it("has the drill's namespace, labels and image, and a volume that goes with it", async () => {
    const cron = await drillCron();
    const pod = await made();
    expect([at(pod, "kind"), at(pod, "metadata.name"), at(pod, "metadata.namespace")]).toEqual([
      "Pod",
      "restore-scratch",
      "hc-drill",
    ]);
    expect(at(pod, "metadata.labels")).toEqual(at(cron, "spec.jobTemplate.spec.template.metadata.labels"));
    expect(at(pod, "spec.containers.0.image")).toBe(common.image.ref);
    expect(list(pod, "spec.volumes").find((volume) => text(volume, "name") === "restored")).toEqual({
      name: "restored",
      emptyDir: { sizeLimit: "20Gi" },
    });
    expect(at(pod, "spec.containers.0.resources.limits.ephemeral-storage")).toBe("21Gi");
  });

  it("knows nothing of the running database", async () => {
    expect(JSON.stringify(await made())).not.toMatch(
      /PGHOST|postgres-passwords|postgres-data|PLATFORM_PASSWORD/,
    );
  });

  it("is ready when the database is open, and says LATEST when nothing else was asked", async () => {
    const pod = await made();
    expect(at(pod, "spec.containers.0.readinessProbe.exec.command")).toEqual([
      "test",
      "-e",
      "/tmp/.restored",
    ]);
    expect(list(pod, "spec.containers.0.env").slice(-2)).toEqual([
      { name: "PLATFORM_RESTORE_BACKUP", value: "LATEST" },
      { name: "PLATFORM_RESTORE_TIME", value: "" },
    ]);
  });
});

describe("a CronJob that is not as pulumi up makes it", () => {
  it.each([
    [{}, "CronJob: not as pulumi up makes it; run pulumi up first"],
    [{ metadata: { name: "backup" } }, "backup: not as pulumi up makes it; run pulumi up first"],
  ])("%j is refused", (cron, message) => {
    expect(() => inPlaceJob(cron, {}, target)).toThrow(message);
  });
});

it("a script in a running pod gets the target as words of env", () => {
  expect(targetArgs(target)).toEqual([
    "PLATFORM_RESTORE_BACKUP=base_000000010000000000000002",
    "PLATFORM_RESTORE_TIME=2026-01-02T03:04:05Z",
  ]);
});
