import { describe, expect, it } from "vitest";
import { Maintenance, maintenanceFlows, type MaintenanceArgs } from "../../../components/data/index.ts";
import { renderAmcheckScript, renderVacuumScript } from "../../../components/data/maintenanceScripts.ts";
import { child, children, image, inventory } from "../../support/components.ts";
import { at, list } from "../../support/records.ts";
import { hasShellcheck, shellcheck, syntaxErrors } from "../remote/syntax.ts";

const args = (changes: Partial<MaintenanceArgs> = {}): MaintenanceArgs => ({
  prefix: "hc",
  namespace: "hc-data",
  image: image("postgres", "18.6-trixie"),
  size: { cpuMillis: 50, memoryMiB: 64, memoryLimitMiB: 128 },
  priorityClass: "hc-jobs",
  databaseHost: "postgres.hc-data.svc",
  vacuumSchedule: "30 3 * * 0",
  amcheckSchedule: "30 4 1 * *",
  timeZone: "Europe/Berlin",
  ...changes,
});
const made = async (changes: Partial<MaintenanceArgs> = {}) =>
  await children("m", () => new Maintenance("m", args(changes)));

describe("Maintenance", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual([
      "ConfigMap m-scripts",
      "CronJob m-amcheck",
      "CronJob m-vacuum",
      "ServiceAccount m-account",
    ]);
  });

  it.each([
    ["vacuum", "30 3 * * 0", 4 * 3600],
    ["amcheck", "30 4 1 * *", 8 * 3600],
  ])("runs %s at its time, one at a time, and not for ever", async (job, schedule, seconds) => {
    const { inputs } = child(await made(), `m-${job}`);
    expect(at(inputs, "metadata.name")).toBe(job);
    expect(at(inputs, "spec")).toMatchObject({
      schedule,
      timeZone: "Europe/Berlin",
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 6 * 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: { backoffLimit: 1, activeDeadlineSeconds: seconds, ttlSecondsAfterFinished: 7 * 24 * 3600 },
      },
    });
  });

  it("waits for the database, then runs our script over verified TLS with one password", async () => {
    const spec = at(child(await made(), "m-vacuum").inputs, "spec.jobTemplate.spec.template.spec");
    expect(at(spec, "serviceAccountName")).toBe("maintenance");
    expect(at(spec, "automountServiceAccountToken")).toBe(false);
    expect(at(spec, "restartPolicy")).toBe("Never");
    expect(list(spec, "initContainers").map((c) => at(c, "name"))).toEqual(["wait-for-database"]);
    // pg_isready, asked for verification, takes a server whose CA it lacks for one that is away.
    for (const container of ["initContainers.0", "containers.0"])
      expect(list(spec, `${container}.volumeMounts`)).toContainEqual({
        name: "ca",
        mountPath: "/etc/platform/ca",
        readOnly: true,
      });
    expect(list(spec, "containers.0.command")).toEqual(["bash", "/etc/platform/maintenance/vacuum.sh"]);
    const env = new Map(list(spec, "containers.0.env").map((e) => [at(e, "name"), at(e, "value")]));
    expect(Object.fromEntries(env)).toEqual({
      PGHOST: "postgres.hc-data.svc",
      PGPORT: "5432",
      PGUSER: "maintenance",
      PGDATABASE: "userdb",
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: "/etc/platform/ca/ca.crt",
    });
    const secrets = list(spec, "volumes").flatMap((v) => list(v, "secret.items").map((i) => at(i, "key")));
    expect(secrets).toEqual(["maintenance", "ca.crt"]);
  });

  it("calls the database and nothing else", () => {
    expect(maintenanceFlows("hc")).toMatchObject({
      layer: "data",
      workload: "maintenance",
      listens: [],
      calls: [{ workload: "data/postgres", port: "postgres" }, { service: "dns" }],
    });
  });
});

describe.each([
  ["vacuum", renderVacuumScript()],
  ["amcheck", renderAmcheckScript()],
])("%s.sh", (_name, script) => {
  it("is sound bash that shows no password", () => {
    expect(syntaxErrors(script)).toBe("");
    expect(script).toMatch(/^#!\/usr\/bin\/env bash\nset -euo pipefail\n/);
    expect(script).toContain("PGPASSWORD=$(</run/platform/maintenance-password/maintenance)");
    expect(script).not.toMatch(/echo|set -x/);
  });

  it.skipIf(!hasShellcheck)("shellcheck finds nothing (skipped where shellcheck is not installed)", () => {
    expect(shellcheck(script)).toBe("");
  });
});

it("never vacuums FULL, and leaves tables that are locked", () => {
  expect(renderVacuumScript()).toContain("VACUUM (ANALYZE, SKIP_LOCKED)'");
  expect(renderVacuumScript().replace(/^#.*$/gm, "")).not.toMatch(/FULL/);
});
