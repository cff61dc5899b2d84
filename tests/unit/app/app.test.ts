import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  Api,
  appFlows,
  AppSettings,
  Migration,
  Worker,
  type ApiArgs,
  type MigrationArgs,
} from "../../../components/app/index.ts";
import { databaseUrl } from "../../../components/app/databaseUrl.ts";
import { migrationName } from "../../../components/app/Migration.ts";
import { fromSecret } from "../../../components/workload/index.ts";
import { authority, child, children, image, inventory } from "../../support/components.ts";
import { record } from "../../support/harness.ts";
import { at, list, map } from "../../support/records.ts";

const env = [fromSecret("DATABASE_URL", { secretName: "app-database", key: "DATABASE_URL" })];
const common = {
  prefix: "hc",
  namespaceName: "hc-app",
  namespace: "hc-app",
  image: image("app", "1.0.0"),
  env,
  caConfigMap: "ca",
  priorityClass: "hc-app",
  size: { cpuMillis: 100, memoryMiB: 256 },
  rotation: "1.1",
};
const apiArgs = (changes: Partial<ApiArgs> = {}): ApiArgs => ({
  ...common,
  replicas: 1,
  tlsFrontSize: { cpuMillis: 10, memoryMiB: 48 },
  authority: authority(),
  healthPath: "/health/api",
  livenessPath: "/health/live",
  ...changes,
});

describe("Api", () => {
  const made = async (changes: Partial<ApiArgs> = {}) =>
    await children("api", () => new Api("api", apiArgs(changes)));

  it("makes Deployment, Service, account and what its TLS needs; a budget only for two replicas", async () => {
    const one = inventory(await made());
    expect(one).toEqual([
      "CertRequest api-tls-request",
      "ConfigMap api-tls-front",
      "Deployment api-deployment",
      "LocallySignedCert api-tls-leaf",
      "PrivateKey api-tls-key",
      "Secret api-tls-secret",
      "ServerCertificate api-tls",
      "Service api-service",
      "ServiceAccount api-account",
    ]);
    const two = inventory(await made({ replicas: 2 }));
    expect(two.filter((entry) => !one.includes(entry))).toEqual(["PodDisruptionBudget api-budget"]);
  });

  it("is reached over TLS, which ends in its own pod", async () => {
    const records = await made();
    const spec = at(child(records, "api-deployment").inputs, "spec.template.spec");
    const front = list(spec, "initContainers").find((container) => at(container, "name") === "tls-front");
    expect(at(front, "restartPolicy")).toBe("Always");
    expect(list(front, "ports").map((port) => at(port, "containerPort"))).toEqual([8443]);
    expect(at(child(records, "api-service").inputs, "spec.ports")).toEqual([
      { name: "https", port: 8443, targetPort: "https", protocol: "TCP" },
    ]);
    expect(child(records, "api-tls-request").inputs["dnsNames"]).toContain("api.hc-app.svc.cluster.local");
    const api = appFlows({
      prefix: "hc",
      workerEnabled: false,
      database: { workload: "data/postgres", port: "postgres" },
      pooler: { workload: "data/pgbouncer", port: "pgbouncer" },
      caches: [],
    }).find(({ workload }) => workload === "api");
    expect(api?.listens).toEqual([
      { name: "https", port: 8443, openTo: "edge", encrypted: true, carriesPhi: true },
    ]);
  });

  it("asks the database for readiness only", async () => {
    const container = at(child(await made(), "api-deployment").inputs, "spec.template.spec.containers.0");
    expect(at(container, "readinessProbe.httpGet.path")).toBe("/health/api");
    expect(at(container, "livenessProbe.httpGet.path")).toBe("/health/live");
    expect(at(container, "startupProbe.httpGet.path")).toBe("/health/live");
  });

  it("keeps serving while it rolls, and lets requests end", async () => {
    const inputs = child(await made(), "api-deployment").inputs;
    expect(at(inputs, "spec.strategy.rollingUpdate")).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(at(inputs, "spec.template.spec.terminationGracePeriodSeconds")).toBeGreaterThanOrEqual(60);
  });

  it("is a ClusterIP that nobody waits for", async () => {
    const service = child(await made(), "api-service").inputs;
    expect(at(service, "spec.type")).toBe("ClusterIP");
    expect(map(service, "metadata.annotations")).toEqual({ "pulumi.com/skipAwait": "true" });
  });

  it("rolls when a rotation changes", async () => {
    const deployment = child(await made({ rotation: "2.7" }), "api-deployment").inputs;
    expect(map(deployment, "spec.template.metadata.annotations")).toEqual({
      "platform.internal/rotation": "2.7",
    });
  });

  it.each([
    [{ replicas: 0 }, /app\.apiReplicas: 0/],
    [{ livenessPath: "/health/api" }, /app\.livenessPath: "\/health\/api" is also app\.healthPath/],
  ])("refuses %j", async (changes, error) => {
    await expect(record(() => new Api("api", apiArgs(changes)))).rejects.toThrow(error);
  });
});

describe("Worker", () => {
  it("is the same image in worker mode, without a port, with its own health check", async () => {
    const records = await children("w", () => new Worker("w", common));
    expect(inventory(records)).toEqual(["Deployment w-deployment", "ServiceAccount w-account"]);
    const container = at(child(records, "w-deployment").inputs, "spec.template.spec.containers.0");
    expect(list(container, "command")).toEqual(["node", "dist/worker-bootstrap.js"]);
    expect(list(container, "env")).toContainEqual({ name: "APP_MODE", value: "worker" });
    expect(at(container, "ports")).toBeUndefined();
    expect(list(container, "livenessProbe.exec.command")).toEqual([
      "node",
      "dist/worker-bootstrap.js",
      "--healthcheck",
    ]);
  });
});

describe("Migration", () => {
  const args: MigrationArgs = {
    ...common,
    postgresImage: image("postgres", "18.6-trixie"),
    databaseHost: "postgres.hc-data.svc",
    databasePort: 5432,
    databaseUser: "migration",
    command: ["node", "dist/migrate.js"],
  };

  it("waits for the database, is bounded, and tries more than once", async () => {
    const records = await children("m", () => new Migration("m", args));
    expect(inventory(records)).toEqual(["Job m-job", "ServiceAccount m-account"]);
    const job = child(records, "m-job").inputs;
    expect(at(job, "spec.activeDeadlineSeconds")).toBe(900);
    expect(at(job, "spec.backoffLimit")).toBe(3);
    expect(String(list(job, "spec.template.spec.initContainers.0.command").at(-1))).toContain(
      "pg_isready --host=postgres.hc-data.svc --port=5432 --username=migration",
    );
    expect(list(job, "spec.template.spec.containers.0.command")).toEqual(["node", "dist/migrate.js"]);
    expect(at(job, "metadata.name")).toBe(migrationName(args));
  });

  it.each([
    ["the image", { image: image("app", "1.0.1") }],
    ["the command", { command: ["node", "dist/other.js"] }],
    ["the names in its environment", { env: [...env, fromSecret("EXTRA", { secretName: "s", key: "k" })] }],
    ["its size", { size: { cpuMillis: 100, memoryMiB: 512 } }],
  ])("runs again when %s changes", (_what, changes) => {
    expect(migrationName({ ...args, ...changes })).not.toBe(migrationName(args));
  });

  it("does not run again for the same definition", () => {
    expect(migrationName({ ...args })).toBe(migrationName(args));
    expect(migrationName(args)).toMatch(/^migrate-[0-9a-f]{10}$/);
  });

  it("refuses an empty command", async () => {
    await expect(record(() => new Migration("m", { ...args, command: [] }))).rejects.toThrow(
      /app\.migrationCommand/,
    );
  });
});

describe("AppSettings", () => {
  const access = (service: string, keyPrefix: string) => ({
    host: `${service}.hc-cache.svc`,
    port: 6379,
    user: "app",
    keyPrefix,
  });

  it("keeps the migration's credentials apart, and all of them secret", async () => {
    let settings: AppSettings | undefined;
    const records = await children("app", () => {
      settings = new AppSettings("app", {
        namespace: "hc-app",
        labels: {},
        database: {
          database: "userdb",
          application: {
            host: "pgbouncer.hc-data.svc",
            port: 6432,
            user: "app_b",
            password: pulumi.secret("p@ss:w/rd"),
          },
          migration: {
            host: "postgres.hc-data.svc",
            port: 5432,
            user: "migration",
            password: pulumi.secret("canary-migration"),
          },
        },
        cache: { ...access("dragonfly", "hc:cache:"), password: pulumi.secret("canary-cache") },
        queue: { ...access("redis-queue", "hc:queue"), password: pulumi.secret("canary-queue") },
        jwtSecret: pulumi.secret("canary-jwt"),
        sessionSecret: pulumi.secret("canary-session"),
        cookieSecret: pulumi.secret("canary-cookie"),
        caCertificate: "ca",
      });
    });
    expect(inventory(records)).toEqual([
      "ConfigMap app-ca",
      "Secret app-cache",
      "Secret app-database",
      "Secret app-migration-database",
      "Secret app-secrets",
    ]);
    expect(records.filter((r) => r.type.endsWith(":Secret")).every((r) => r.secretPaths.length > 0)).toBe(
      true,
    );
    expect(at(child(records, "app-database").inputs, "stringData.DATABASE_URL")).toBe(
      "postgresql://app_b:p%40ss%3Aw%2Frd@pgbouncer.hc-data.svc:6432/userdb?sslmode=verify-full&sslrootcert=/etc/platform/ca/ca.crt",
    );
    expect(at(child(records, "app-migration-database").inputs, "stringData.MIGRATION_DATABASE_URL")).toBe(
      "postgresql://migration:canary-migration@postgres.hc-data.svc:5432/userdb?sslmode=verify-full&sslrootcert=/etc/platform/ca/ca.crt",
    );
    expect(settings?.env.map((e) => e.name)).toEqual([
      "DATABASE_URL",
      "JWT_SECRET",
      "SESSION_SECRET",
      "COOKIE_SECRET",
      "CACHE_PROVIDER",
      "DRAGONFLY_HOST",
      "DRAGONFLY_PORT",
      "DRAGONFLY_USERNAME",
      "DRAGONFLY_PASSWORD",
      "DRAGONFLY_KEY_PREFIX",
      "DRAGONFLY_TLS_CA_FILE",
      "REDIS_HOST",
      "REDIS_PORT",
      "REDIS_USERNAME",
      "REDIS_PASSWORD",
      "REDIS_PREFIX",
      "REDIS_TLS_CA_FILE",
    ]);
    expect(at(child(records, "app-cache").inputs, "stringData")).toEqual({
      DRAGONFLY_PASSWORD: "canary-cache",
      REDIS_PASSWORD: "canary-queue",
    });
    const env = Object.fromEntries((settings?.env ?? []).map((e) => [e.name, e.value ?? e.valueFrom]));
    expect(env["DRAGONFLY_KEY_PREFIX"]).toBe("hc:cache:");
    expect(env["REDIS_PREFIX"]).toBe("hc:queue");
    expect(env["REDIS_TLS_CA_FILE"]).toBe("/etc/platform/ca/ca.crt");
    for (const name of ["DRAGONFLY_PASSWORD", "REDIS_PASSWORD"])
      expect(env[name]).toMatchObject({ secretKeyRef: { key: name } });
    expect(settings?.migrationEnv.map((e) => e.name)).toEqual(["MIGRATION_DATABASE_URL"]);
  });
});

describe("databaseUrl", () => {
  it.each(["plain", "p@ss:w/rd?#%", "ü '\"\\"])("survives the password %s", (password) => {
    const url = new URL(
      databaseUrl({ user: "app_a", password, host: "h", port: 5432, database: "d", caFile: "/ca" }),
    );
    expect(decodeURIComponent(url.password)).toBe(password);
    expect(url.searchParams.get("sslmode")).toBe("verify-full");
  });
});

describe("appFlows", () => {
  const database = { workload: "data/postgres", port: "postgres" };
  const pooler = { workload: "data/pgbouncer", port: "pgbouncer" };
  const caches = [
    { workload: "cache/dragonfly", port: "redis" },
    { workload: "cache/redis-queue", port: "redis" },
  ];
  it("leads the migration alone past the pooler, and to no cache", () => {
    const calls = appFlows({ prefix: "hc", workerEnabled: true, database, pooler, caches }).map((f) => [
      f.workload,
      f.calls.filter((c) => "workload" in c),
    ]);
    expect(calls).toEqual([
      ["api", [pooler, ...caches]],
      ["worker", [pooler, ...caches]],
      ["migration", [database]],
    ]);
  });
  it("lets migration and worker listen to nobody", () => {
    const flows = appFlows({ prefix: "hc", workerEnabled: true, database, pooler, caches });
    expect(flows.map((f) => [f.workload, f.listens.length])).toEqual([
      ["api", 1],
      ["worker", 0],
      ["migration", 0],
    ]);
  });
  it("has no worker where none runs", () => {
    const flows = appFlows({ prefix: "hc", workerEnabled: false, database, pooler, caches });
    expect(flows.map((f) => f.workload)).toEqual(["api", "migration"]);
  });
});
