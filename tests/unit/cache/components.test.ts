import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  CacheCleanup,
  cacheCleanupFlows,
  Dragonfly,
  dragonflyFlows,
  dragonflyScrape,
  Redis,
  redisFlows,
  redisScrape,
  type DragonflyArgs,
  type RedisArgs,
} from "../../../components/cache/index.ts";
import { authority, child, children, image, inventory } from "../../support/components.ts";
import { record } from "../../support/harness.ts";
import { at, list, map, text } from "../../support/records.ts";

const place = {
  prefix: "hc",
  namespaceName: "hc-cache",
  namespace: "hc-cache",
  priorityClass: "hc-cache",
  keeperSize: { cpuMillis: 10, memoryMiB: 16, memoryLimitMiB: 32 },
  authority: authority(),
};
const redisArgs = (changes: Partial<RedisArgs> = {}): RedisArgs => ({
  ...place,
  instance: "queue",
  image: image("redis", "9.0.3-alpine"),
  size: { cpuMillis: 30, memoryMiB: 64, memoryLimitMiB: 192 },
  exporter: { image: image("redisExporter", "v1.89.0"), size: { cpuMillis: 10, memoryMiB: 16 } },
  storageGiB: 2,
  storageClass: "hc-retain",
  client: { user: "app", password: pulumi.secret("canary-client"), keys: ["hc:queue:*"], channels: ["*"] },
  metricsPassword: pulumi.secret("canary-metrics"),
  probePassword: pulumi.secret("canary-probe"),
  rotation: 4,
  ...changes,
});
const dragonflyArgs = (changes: Partial<DragonflyArgs> = {}): DragonflyArgs => ({
  ...place,
  image: image("dragonfly", "v1.40.1"),
  clientImage: image("redis", "9.0.3-alpine"),
  size: { cpuMillis: 50, memoryMiB: 256, memoryLimitMiB: 768 },
  keyPrefix: "hc:cache:",
  appPassword: pulumi.secret("canary-app"),
  rotation: 4,
  ...changes,
});
const redis = async (changes: Partial<RedisArgs> = {}) =>
  await children("q", () => new Redis("q", redisArgs(changes)));
const dragonfly = async (changes: Partial<DragonflyArgs> = {}) =>
  await children("d", () => new Dragonfly("d", dragonflyArgs(changes)));

describe("Redis", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await redis())).toEqual([
      "CertRequest q-tls-request",
      "ConfigMap q-config",
      "LocallySignedCert q-tls-leaf",
      "PersistentVolumeClaim q-data",
      "PrivateKey q-tls-key",
      "RandomPassword q-keeper-password",
      "Secret q-tls-secret",
      "Secret q-users",
      "ServerCertificate q-tls",
      "Service q-cluster",
      "Service q-headless",
      "ServiceAccount q-account",
      "StatefulSet q-server",
    ]);
  });

  it("keeps its volume, protected", async () => {
    const records = await redis();
    for (const name of ["q-data", "q-server"])
      expect(child(records, name)).toMatchObject({ protect: true, retainOnDelete: true });
    expect(at(child(records, "q-data").inputs, "spec.resources.requests.storage")).toBe("2Gi");
    expect(at(child(records, "q-data").inputs, "metadata.name")).toBe("redis-queue-data");
  });

  it("may hold half of its memory limit: the file is written anew by a copy of the process", async () => {
    const conf = map(child(await redis(), "q-config").inputs, "data")["redis.conf"] ?? "";
    expect(conf).toContain("\nmaxmemory 96mb\n");
  });

  it("has hashes in the ACL file, and one password in each file of its own", async () => {
    const data = map(child(await redis(), "q-users").inputs, "stringData");
    expect(Object.keys(data).sort()).toEqual(["keeper", "metrics.json", "probe", "users.acl"]);
    expect(data["users.acl"]).not.toContain("canary");
    expect((data["users.acl"] ?? "").match(/^user \S+/gm)).toEqual([
      "user default",
      "user app",
      "user metrics",
      "user probe",
      "user keeper",
    ]);
    expect(data["users.acl"]).toMatch(
      /^user app on #[0-9a-f]{64} ~hc:queue:\* resetchannels &\* -@all \+@all -@dangerous \+info \+client\|list$/m,
    );
    expect(JSON.parse(data["metrics.json"] ?? "")).toEqual({
      "rediss://metrics@localhost:6379": "canary-metrics",
    });
    expect(data["probe"]).toBe("canary-probe");
  });

  it("shows each container its own password only", async () => {
    const spec = at(child(await redis(), "q-server").inputs, "spec.template.spec");
    const containers = [...list(spec, "initContainers"), ...list(spec, "containers")];
    const mounted = containers.map((c) => [
      at(c, "name"),
      list(c, "volumeMounts")
        .map((m) => String(at(m, "name")))
        .filter((name) => name.startsWith("password-")),
    ]);
    expect(mounted).toEqual([
      ["keeper", ["password-keeper"]],
      ["metrics", ["password-metrics"]],
      ["redis", ["password-probe"]],
    ]);
    expect(JSON.stringify(child(await redis(), "q-server").inputs)).not.toContain("canary");
  });

  it("gives loading its time, and asks ready and alive differently", async () => {
    const container = at(child(await redis(), "q-server").inputs, "spec.template.spec.containers.0");
    const startup = at(container, "startupProbe");
    expect(Number(at(startup, "periodSeconds")) * Number(at(startup, "failureThreshold"))).toBe(1800);
    expect(list(container, "readinessProbe.exec.command").at(-1)).toBe("ready");
    expect(list(container, "livenessProbe.exec.command").at(-1)).toBe("alive");
  });

  it("has a certificate for every name, also for the exporter beside it", async () => {
    expect(child(await redis(), "q-tls-request").inputs["dnsNames"]).toEqual([
      "redis-queue",
      "redis-queue.hc-cache",
      "redis-queue.hc-cache.svc",
      "redis-queue.hc-cache.svc.cluster.local",
      "localhost",
    ]);
  });

  it("runs without the exporter where nobody reads metrics", async () => {
    const spec = at(child(await redis({ exporter: undefined }), "q-server").inputs, "spec.template.spec");
    expect(list(spec, "initContainers").map((c) => at(c, "name"))).toEqual(["keeper"]);
    expect(redisFlows("hc", "queue", false).listens.map((l) => l.port)).toEqual([6379]);
  });

  it("runs twice side by side", async () => {
    const { records } = await record(() => [
      new Redis("a", redisArgs()),
      new Redis("b", redisArgs({ instance: "signalling" })),
    ]);
    const names = records.map((r) => `${r.type} ${text(r.inputs, "metadata.name") || r.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it("says where its metrics are", () => {
    expect(redisScrape("hc", "signalling")).toMatchObject({
      job: "redis-signalling",
      workload: "cache/redis-signalling",
      port: 9121,
      scheme: "http",
    });
  });

  it.each([
    [{ size: { cpuMillis: 10, memoryMiB: 32 } }, /redis-queue: half of its memory limit is 16 MiB/],
    [{ storageGiB: 0 }, /cache\.redis\.queueStorageGiB: 0 is below 1/],
    [
      { client: { user: "probe", password: pulumi.secret("x"), keys: ["*"], channels: [] } },
      /the user name "probe" is one of the platform's own/,
    ],
    [
      { client: { user: "app", password: pulumi.secret("x"), keys: [], channels: [] } },
      /the user "app" may touch no key/,
    ],
  ])("refuses %#", async (changes, error) => {
    await expect(record(() => new Redis("q", redisArgs(changes)))).rejects.toThrow(error);
  });
});

describe("Dragonfly", () => {
  it("makes exactly these objects, none of which holds data", async () => {
    expect(inventory(await dragonfly())).toEqual([
      "CertRequest d-tls-request",
      "ConfigMap d-config",
      "Deployment d-deployment",
      "LocallySignedCert d-tls-leaf",
      "PrivateKey d-tls-key",
      "RandomPassword d-cleanup-password",
      "RandomPassword d-default-password",
      "RandomPassword d-keeper-password",
      "Secret d-tls-secret",
      "Secret d-users",
      "ServerCertificate d-tls",
      "Service d-service",
      "ServiceAccount d-account",
    ]);
  });

  it("publishes the TLS port, and the admin port to nobody but probes and monitoring", async () => {
    const service = child(await dragonfly(), "d-service").inputs;
    expect(list(service, "spec.ports").map((p) => at(p, "port"))).toEqual([6379]);
    expect(dragonflyFlows("hc").listens.map((l) => [l.name, l.port, l.openTo])).toEqual([
      ["redis", 6379, undefined],
      ["metrics", 9999, undefined],
    ]);
    expect(dragonflyScrape("hc")).toMatchObject({ job: "dragonfly", port: 9999, path: "/metrics" });
  });

  it("takes its password from the Secret, by the one name that Dragonfly accepts", async () => {
    const records = await dragonfly();
    const container = at(child(records, "d-deployment").inputs, "spec.template.spec.containers.0");
    expect(list(container, "env")).toEqual([
      {
        name: "DFLY_requirepass",
        valueFrom: { secretKeyRef: { name: "dragonfly-users", key: "requirepass" } },
      },
    ]);
    const data = map(child(records, "d-users").inputs, "stringData");
    expect(data["users.acl"]).not.toContain("canary");
    expect(data["requirepass"]).not.toBe("canary-app");
  });

  it("probes the admin port, and is never two at once", async () => {
    const spec = at(child(await dragonfly(), "d-deployment").inputs, "spec");
    const container = at(spec, "template.spec.containers.0");
    expect(at(spec, "strategy")).toEqual({ type: "Recreate" });
    expect(at(container, "readinessProbe.httpGet")).toEqual({ path: "/metrics", port: "metrics" });
    expect(at(container, "livenessProbe.tcpSocket")).toEqual({ port: "metrics" });
    expect(at(container, "resources.limits")).toMatchObject({ cpu: "2000m", memory: "768Mi" });
  });

  it("refuses memory that its threads do not fit into", async () => {
    const size = { cpuMillis: 50, memoryMiB: 256, memoryLimitMiB: 320 };
    await expect(record(() => new Dragonfly("d", dragonflyArgs({ size })))).rejects.toThrow(
      /a memory limit of 320 MiB leaves 228 MiB/,
    );
    await expect(record(() => new Dragonfly("d", dragonflyArgs({ threads: 3 })))).rejects.toThrow(
      /3 thread\(s\) need 768/,
    );
  });
});

describe("CacheCleanup", () => {
  const made = async () =>
    await children(
      "c",
      () =>
        new CacheCleanup("c", {
          prefix: "hc",
          namespace: "hc-cache",
          clientImage: image("redis", "9.0.3-alpine"),
          host: "dragonfly.hc-cache.svc",
          keyPrefix: "hc:cache:",
          password: { secretName: "dragonfly-users", key: "cleanup" },
          tlsSecret: "dragonfly-tls",
          priorityClass: "hc-jobs",
          size: { cpuMillis: 50, memoryMiB: 64 },
        }),
    );

  it("runs once a day, never twice at once, with a deadline and a time zone", async () => {
    const spec = at(child(await made(), "c-job").inputs, "spec");
    expect(spec).toMatchObject({
      schedule: "45 4 * * *",
      timeZone: "Etc/UTC",
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 3600,
      jobTemplate: { spec: { activeDeadlineSeconds: 900, backoffLimit: 2, ttlSecondsAfterFinished: 86_400 } },
    });
  });

  it("sees its password and the CA, nothing else, and calls the cache only", async () => {
    const spec = at(child(await made(), "c-job").inputs, "spec.jobTemplate.spec.template.spec");
    expect(list(spec, "volumes").flatMap((v) => list(v, "secret.items").map((i) => at(i, "key")))).toEqual([
      "ca.crt",
      "cleanup",
    ]);
    expect(cacheCleanupFlows("hc").calls).toEqual([
      { workload: "cache/dragonfly", port: "redis" },
      { service: "dns" },
    ]);
  });
});
