import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  PgBouncer,
  pgbouncerFlows,
  pgbouncerMetrics,
  pgbouncerPort,
  poolerLimits,
  type PgBouncerArgs,
} from "../../../components/data/index.ts";
import { authority, child, children, image, inventory } from "../../support/components.ts";
import { record } from "../../support/harness.ts";
import { at, list, map } from "../../support/records.ts";

const args = (changes: Partial<PgBouncerArgs> = {}): PgBouncerArgs => ({
  prefix: "hc",
  namespaceName: "hc-data",
  namespace: "hc-data",
  image: image("pgbouncer", "v1.26.1"),
  exporter: { image: image("pgbouncerExporter", "v0.12.1"), size: { cpuMillis: 10, memoryMiB: 16 } },
  replicas: 2,
  size: { cpuMillis: 20, memoryMiB: 32, memoryLimitMiB: 96 },
  reloaderSize: { cpuMillis: 5, memoryMiB: 8 },
  priorityClass: "hc-data",
  database: { host: "postgres.hc-data.svc", port: 5432 },
  limits: poolerLimits({ maxConnections: 100, replicas: 2, readers: 0 }),
  lookupPassword: pulumi.secret("canary-lookup"),
  statsPassword: pulumi.secret("canary-stats"),
  authority: authority(),
  rotation: 3,
  ...changes,
});
const made = async (changes: Partial<PgBouncerArgs> = {}) =>
  await children("pool", () => new PgBouncer("pool", args(changes)));
const podOf = async (changes: Partial<PgBouncerArgs> = {}): Promise<unknown> =>
  at(child(await made(changes), "pool-deployment").inputs, "spec.template.spec");

describe("PgBouncer", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual([
      "CertRequest pool-tls-request",
      "ConfigMap pool-scripts",
      "Deployment pool-deployment",
      "LocallySignedCert pool-tls-leaf",
      "PodDisruptionBudget pool-budget",
      "PrivateKey pool-tls-key",
      "Secret pool-config",
      "Secret pool-exporter",
      "Secret pool-tls-secret",
      "ServerCertificate pool-tls",
      "Service pool-service",
      "ServiceAccount pool-account",
    ]);
  });

  it("has no exporter and no secret of it without monitoring", async () => {
    const records = await made({ exporter: undefined });
    expect(inventory(records)).not.toContain("Secret pool-exporter");
    const spec = at(child(records, "pool-deployment").inputs, "spec.template.spec");
    expect(list(spec, "containers").map((c) => at(c, "name"))).toEqual(["pgbouncer"]);
  });

  it("serves while it is rolled, and never blocks a drain", async () => {
    const records = await made();
    expect(at(child(records, "pool-deployment").inputs, "spec.strategy")).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
    expect(at(child(records, "pool-budget").inputs, "spec")).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    });
    expect(inventory(await made({ replicas: 1 }))).not.toContain("PodDisruptionBudget pool-budget");
  });

  it("lets transactions in flight end", async () => {
    const spec = await podOf();
    expect(at(spec, "terminationGracePeriodSeconds")).toBe(60);
    expect(at(spec, "containers.0.lifecycle.preStop.exec.command.2")).toBe(
      "sleep 5; kill -INT 1; while kill -0 1; do sleep 1; done",
    );
    // PID 1 has to be PgBouncer itself: the signals are for it.
    expect(at(spec, "containers.0.command")).toEqual(["pgbouncer", "/etc/platform/pgbouncer/pgbouncer.ini"]);
    expect(at(spec, "shareProcessNamespace")).toBeUndefined();
  });

  it("is not taken away from its clients because the database is", async () => {
    const spec = await podOf();
    expect(at(spec, "containers.0.readinessProbe.tcpSocket")).toEqual({ port: "pgbouncer" });
    expect(list(spec, "containers.0.livenessProbe.exec.command").at(-1)).toBe("--command=SHOW VERSION");
    // Metrics that fail must not take it away either.
    expect(at(spec, "containers.1.readinessProbe.tcpSocket")).toEqual({ port: "metrics" });
  });

  it("has a certificate for every name that clients use", async () => {
    expect(child(await made(), "pool-tls-request").inputs["dnsNames"]).toEqual([
      "pgbouncer",
      "pgbouncer.hc-data",
      "pgbouncer.hc-data.svc",
      "pgbouncer.hc-data.svc.cluster.local",
    ]);
  });

  it("shows passwords to its own group only", async () => {
    const records = await made();
    const spec = at(child(records, "pool-deployment").inputs, "spec.template.spec");
    expect(list(spec, "volumes").filter((volume) => at(volume, "secret") !== undefined)).toEqual([
      { name: "config", secret: { secretName: "pgbouncer-config", defaultMode: 0o440 } },
      { name: "tls", secret: { secretName: "pgbouncer-tls", defaultMode: 0o440 } },
    ]);
    expect(at(spec, "securityContext")).toMatchObject({ runAsUser: 70, runAsGroup: 70, fsGroup: 70 });
    expect(child(records, "pool-config").secretPaths).toEqual(["stringData"]);
    expect(child(records, "pool-exporter").secretPaths).toEqual(["stringData"]);
    for (const name of ["pool-deployment", "pool-scripts"])
      expect(JSON.stringify(child(records, name).inputs)).not.toContain("canary");
  });

  it("keeps the exporter away from the console and from the files", async () => {
    const exporter = list(await podOf(), "containers")[1];
    expect(at(exporter, "securityContext")).toMatchObject({ runAsUser: 65534, runAsGroup: 65534 });
    expect(list(exporter, "volumeMounts").map((mount) => at(mount, "mountPath"))).toEqual(["/run/pgbouncer"]);
    expect(at(exporter, "env")).toEqual([
      {
        name: "PGBOUNCER_EXPORTER_CONNECTION_STRING",
        valueFrom: { secretKeyRef: { name: "pgbouncer-exporter", key: "connection" } },
      },
    ]);
  });

  it("rolls by the rotation and by what only a start takes over, not by settings", async () => {
    const annotations = async (changes: Partial<PgBouncerArgs>): Promise<unknown> =>
      at(child(await made(changes), "pool-deployment").inputs, "spec.template.metadata.annotations");
    const before = await annotations({});
    expect(before).toEqual({
      "platform.internal/rotation": "3",
      "platform.internal/boot": expect.stringMatching(/^[0-9a-f]{10}$/) as unknown,
    });
    const limits = poolerLimits({ maxConnections: 200, replicas: 2, readers: 0 });
    expect(await annotations({ limits, lookupPassword: pulumi.secret("another") })).toEqual(before);
    expect(await annotations({ rotation: 4 })).not.toEqual(before);
  });

  it("writes the limits it was given", async () => {
    const limits = { poolSize: 7, lookupPoolSize: 2, perProcess: 11, processes: 4 };
    const ini = map(child(await made({ limits }), "pool-config").inputs, "stringData");
    expect(ini["pgbouncer.ini"]).toContain("\ndefault_pool_size = 7\nmax_db_connections = 11\n");
  });

  it("may exist twice", async () => {
    const { records } = await record(() => [
      new PgBouncer("a", args()),
      new PgBouncer("b", args({ namespace: "other" })),
    ]);
    expect(new Set(records.map((r) => r.urn)).size).toBe(records.length);
  });

  it("can be previewed", async () => {
    expect(await children("pool", () => new PgBouncer("pool", args()), { preview: true })).toHaveLength(12);
  });

  it("tells where it is, before it exists", () => {
    expect(pgbouncerPort).toEqual({ workload: "data/pgbouncer", port: "pgbouncer" });
    expect(pgbouncerFlows("hc", false)).toMatchObject({
      listens: [{ name: "pgbouncer", port: 6432, encrypted: true, carriesPhi: true }],
      calls: [{ workload: "data/postgres", port: "postgres" }, { service: "dns" }],
    });
    expect(pgbouncerFlows("hc", true).listens[1]).toMatchObject({ name: "metrics", port: 9127 });
    expect(pgbouncerMetrics("hc")).toMatchObject({ job: "pgbouncer", port: 9127, scheme: "http" });
  });

  it.each([
    [
      { image: image("pgbouncer", "v1.25.1-p0") },
      'images.pgbouncer: tag "v1.25.1-p0" is older than 1.25.2, which a packet of a stranger can stop; use 1.25.2 or newer',
    ],
    [{ replicas: 0 }, "pgbouncer: 0 replicas is not a whole number of at least 1"],
  ])("refuses %j", async (changes, error) => {
    await expect(record(() => new PgBouncer("pool", args(changes)))).rejects.toThrow(error);
  });
});
