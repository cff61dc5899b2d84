import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  auditGaps,
  Postgres,
  postgresFlows,
  postgresPort,
  type PostgresArgs,
} from "../../../components/data/index.ts";
import { authority, child, children, image, inventory } from "../../support/components.ts";
import { record } from "../../support/harness.ts";
import { at, list } from "../../support/records.ts";

const args = (changes: Partial<PostgresArgs> = {}): PostgresArgs => ({
  prefix: "hc",
  namespaceName: "hc-data",
  namespace: "hc-data",
  image: image("postgres", "18.6-trixie"),
  size: { cpuMillis: 500, memoryMiB: 1024 },
  storageGiB: 20,
  walGiB: 5,
  storageClass: "hc-retain",
  priorityClass: "hc-data",
  clusterCidr: "10.42.0.0/16",
  passwords: {
    migration: pulumi.secret("canary-migration"),
    app_a: pulumi.secret("canary-app-a"),
    app_b: pulumi.secret("canary-app-b"),
    pgbouncer_auth: pulumi.secret("canary-pooler"),
    monitor: pulumi.secret("canary-monitor"),
    maintenance: pulumi.secret("canary-maintenance"),
  },
  authority: authority(),
  rotation: 3,
  ...changes,
});
const made = async (changes: Partial<PostgresArgs> = {}) =>
  await children("db", () => new Postgres("db", args(changes)));

describe("Postgres", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual([
      "CertRequest db-tls-request",
      "ConfigMap db-config",
      "LocallySignedCert db-tls-leaf",
      "PersistentVolumeClaim db-data",
      "PersistentVolumeClaim db-wal",
      "PrivateKey db-tls-key",
      "Secret db-passwords",
      "Secret db-roles",
      "Secret db-tls-secret",
      "ServerCertificate db-tls",
      "Service db-cluster",
      "Service db-headless",
      "ServiceAccount db-account",
      "StatefulSet db-server",
    ]);
  });

  it("protects and keeps what holds data", async () => {
    const records = await made();
    for (const name of ["db-data", "db-wal", "db-server"]) {
      expect(child(records, name)).toMatchObject({ protect: true, retainOnDelete: true });
    }
  });

  it("asks for the volumes that config names", async () => {
    const records = await made({ storageGiB: 100, walGiB: 8 });
    expect(at(child(records, "db-data").inputs, "spec.resources.requests.storage")).toBe("100Gi");
    expect(at(child(records, "db-wal").inputs, "spec.resources.requests.storage")).toBe("8Gi");
    expect(at(child(records, "db-data").inputs, "spec.storageClassName")).toBe("hc-retain");
  });

  it("has a certificate for every name that clients use", async () => {
    const records = await made();
    expect(child(records, "db-tls-request").inputs["dnsNames"]).toEqual([
      "postgres",
      "postgres.hc-data",
      "postgres.hc-data.svc",
      "postgres.hc-data.svc.cluster.local",
    ]);
    expect(child(records, "db-tls-leaf").inputs).toMatchObject({
      validityPeriodHours: 825 * 24,
      earlyRenewalHours: 365 * 24,
    });
    expect(at(child(records, "db-tls-secret").inputs, "metadata.name")).toBe("postgres-tls");
  });

  it("runs our scripts and never the image's entrypoint", async () => {
    const spec = at(child(await made(), "db-server").inputs, "spec.template.spec");
    const containers = [...list(spec, "initContainers"), ...list(spec, "containers")];
    expect(containers.map((c) => [at(c, "name"), list(c, "command")[0]])).toEqual([
      ["init", "bash"],
      ["keeper", "bash"],
      ["postgres", "flock"],
    ]);
    // Not two of them on one volume, whatever became of the pod before.
    expect(at(spec, "containers.0.command")).toEqual([
      ...["flock", "--no-fork", "/var/lib/postgresql"],
      "/usr/lib/postgresql/18/bin/postgres",
      ...["-c", "config_file=/etc/platform/postgres/postgresql.conf"],
    ]);
    expect(at(spec, "initContainers.1.restartPolicy")).toBe("Always");
  });

  it("gives recovery its time, and a stop too", async () => {
    const spec = at(child(await made(), "db-server").inputs, "spec.template.spec");
    const startup = at(spec, "containers.0.startupProbe");
    expect(
      Number(at(startup, "periodSeconds")) * Number(at(startup, "failureThreshold")),
    ).toBeGreaterThanOrEqual(30 * 60);
    expect(at(spec, "terminationGracePeriodSeconds")).toBe(120);
    expect(JSON.stringify(at(spec, "containers.0.lifecycle"))).toContain("kill -INT 1");
  });

  it("never shows passwords to the server's container", async () => {
    const spec = at(child(await made(), "db-server").inputs, "spec.template.spec");
    const mounts = (index: string): readonly unknown[] =>
      list(spec, `${index}.volumeMounts`).map((m) => at(m, "name"));
    expect(mounts("containers.0")).not.toContain("passwords");
    expect(mounts("initContainers.0")).not.toContain("passwords");
    expect(mounts("initContainers.1")).toContain("passwords");
  });

  it("keeps secrets in Secrets and rolls by the rotation alone", async () => {
    const records = await made();
    expect(child(records, "db-passwords").secretPaths).toEqual(["stringData"]);
    expect(at(child(records, "db-server").inputs, "spec.template.metadata.annotations")).toEqual({
      "platform.internal/rotation": "3",
    });
    expect(JSON.stringify(child(records, "db-server").inputs)).not.toContain("canary");
  });

  it("writes the cluster's range into pg_hba.conf, also when it comes from an output", async () => {
    const records = await made({ clusterCidr: pulumi.output("10.52.0.0/16") });
    expect(at(child(records, "db-config").inputs, "data")).toHaveProperty(
      ["pg_hba.conf"],
      expect.stringContaining("10.52.0.1/32  reject"),
    );
  });

  it("gives every login its file, people too", async () => {
    const records = await made({
      passwords: { ...args().passwords, backup: pulumi.secret("canary-backup") },
      readers: {
        names: ["alice"],
        passwords: pulumi.secret('{"alice":"canary-alice","left":"canary-left"}'),
      },
    });
    expect(child(records, "db-passwords").inputs["stringData"]).toEqual({
      migration: "canary-migration",
      app_a: "canary-app-a",
      app_b: "canary-app-b",
      pgbouncer_auth: "canary-pooler",
      backup: "canary-backup",
      monitor: "canary-monitor",
      maintenance: "canary-maintenance",
      alice: "canary-alice",
    });
  });

  it("changes roles without another pod", async () => {
    const spec = (records: Awaited<ReturnType<typeof made>>): unknown => child(records, "db-server").inputs;
    const readers = { names: ["alice"], passwords: pulumi.secret('{"alice":"canary-alice"}') };
    const [before, after] = [await made(), await made({ readers })];
    expect(spec(after)).toEqual(spec(before));
    expect(child(after, "db-roles").inputs["stringData"]).not.toEqual(
      child(before, "db-roles").inputs["stringData"],
    );
    expect(at(child(after, "db-roles").inputs, "metadata.name")).toBe("postgres-roles");
  });

  it("puts the parts of an archive where it says", async () => {
    const archive = {
      confLines: ["archive_mode = on", "archive_command = 'true'"],
      scripts: { "guard.sh": "exit 0", "restore-base.sh": "exit 0" },
      env: [{ name: "PREFIX", value: "s3://bucket" }],
      initEnv: [{ name: "PREFIX", value: "s3://bucket/before" }],
      volumes: [{ name: "walg", secret: { secretName: "walg" } }],
      mounts: [{ name: "walg", mountPath: "/run/walg" }],
      initContainers: [{ name: "fetch", image: "x" }],
    };
    const records = await made({ archive, bootstrap: "restore" });
    const spec = at(child(records, "db-server").inputs, "spec.template.spec");
    expect(list(spec, "initContainers").map((c) => at(c, "name"))).toEqual(["fetch", "init", "keeper"]);
    expect(list(spec, "volumes")).toContainEqual(archive.volumes[0]);
    expect(list(spec, "initContainers.1.env")).toEqual(archive.initEnv);
    expect(list(spec, "containers.0.env")).toContainEqual(archive.env[0]);
    for (const container of ["initContainers.1", "containers.0"])
      expect(list(spec, `${container}.volumeMounts`)).toContainEqual(archive.mounts[0]);
    expect(list(spec, "initContainers.2.volumeMounts").map((m) => at(m, "name"))).not.toContain("walg");
    const files = child(records, "db-config").inputs["data"] as Record<string, string>;
    expect(files["guard.sh"]).toBe("exit 0");
    expect(files["postgresql.conf"]).toMatch(/^archive_mode = on$/m);
    expect(files["postgresql.conf"]).not.toContain("archive_mode = off");
    expect(files["init.sh"]).toContain("restore-base.sh");
    expect(files["init.sh"]).not.toContain("initdb --");
  });

  it("may exist twice", async () => {
    const { records } = await record(() => [
      new Postgres("a", args()),
      new Postgres("b", args({ namespace: "other" })),
    ]);
    expect(new Set(records.map((r) => r.urn)).size).toBe(records.length);
  });

  it("can be previewed", async () => {
    const records = await children("db", () => new Postgres("db", args()), { preview: true });
    expect(records).toHaveLength(14);
  });

  it("tells what the audit lacks with an image that carries no pgaudit", () => {
    const plain = image("postgres", "18.6-trixie");
    expect(auditGaps(plain)).toEqual([expect.stringContaining("data.postgres.imageContents: [pgaudit]")]);
    expect(auditGaps({ ...plain, carries: { pgaudit: true } })).toEqual([]);
  });

  it("tells where it is, before it exists", () => {
    expect(postgresPort).toEqual({ workload: "data/postgres", port: "postgres" });
    expect(postgresFlows("hc").listens).toMatchObject([{ name: "postgres", port: 5432, encrypted: true }]);
  });

  it.each([
    [{ image: image("postgres", "19.0") }, /images\.postgres: tag "19\.0" is not PostgreSQL 18/],
    [{ bootstrap: "restore" as const }, /data\.postgres\.bootstrap: restore needs data\.backup/],
    [{ storageGiB: 0 }, /data\.postgres\.storageGiB: 0/],
    [{ size: { cpuMillis: 100, memoryMiB: 128 } }, /128 MiB of memory/],
  ])("refuses %j", async (changes, error) => {
    await expect(record(() => new Postgres("db", args(changes)))).rejects.toThrow(error);
  });
});
