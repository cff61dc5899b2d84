import { describe, expect, it } from "vitest";
import { catalogue } from "../../components/workload/index.ts";
import { valueOf } from "../support/harness.ts";
import { ownerStack, runProgram, runTwoStacksOnOneHost } from "../support/program.ts";
import { at, list, map, objectName, ofKind, podTemplates, text } from "../support/records.ts";
import type { ResourceRecord } from "../support/records.ts";
import { exampleConfig, exampleStacks } from "../unit/stacks/examples.ts";

/** What the program as a whole promises: outputs, settings that reach their place, previews, refusals. */

describe.each(exampleStacks)("%s", (stack) => {
  it("plans the same objects before anything exists", async () => {
    const names = async (preview: boolean): Promise<readonly string[]> =>
      (await runProgram(stack, { preview })).records.map((r) => `${r.type} ${r.name}`).sort();
    expect(await names(true)).toEqual(await names(false));
  });

  it("runs images of the catalogue or of the stack's config only", async () => {
    const { records } = await runProgram(stack);
    const images = new Set(
      podTemplates(records)
        .flatMap((pod) => [...pod.initContainers, ...pod.containers])
        .map((c) => text(c, "image")),
    );
    const own = JSON.parse(exampleConfig(stack).values["platform:images"] ?? "{}") as Record<string, string>;
    const known = new Set([...Object.values(catalogue).map(({ ref }) => ref), ...Object.values(own)]);
    expect([...images].filter((image) => !known.has(image))).toEqual([]);
    expect(images.size).toBeGreaterThanOrEqual(6);
  });

  it("tells other teams where things are, and only what is no secret in clear", async () => {
    const { result } = await runProgram(stack);
    const { outputs } = result;
    expect(outputs.apiUrl).toMatch(/^https:\/\/api\./);
    expect(outputs.endpoints.database).toMatchObject({ port: 5432, database: "userdb" });
    expect(await valueOf(outputs.versions.kubernetes)).toMatch(/^v1\.36\.\d\+k3s1$/);
    expect(outputs.caCertificate).toContain("BEGIN CERTIFICATE");
    const kubeconfig = outputs.sharedClusterKubeconfig;
    expect(await (kubeconfig as unknown as { isSecret: Promise<boolean> }).isSecret).toBe(true);
  });
});

describe("settings reach their place", () => {
  it("watches the end of every certificate of its own", async () => {
    const { records } = await runProgram("production");
    const served = ofKind(records, "Secret")
      .filter((secret) => at(secret.inputs, "type") === "kubernetes.io/tls")
      .map((secret) => objectName(secret));
    expect(served.length).toBeGreaterThanOrEqual(6);
    const rules = ofKind(records, "ConfigMap").flatMap(
      ({ inputs }) => map(inputs, "data")["rules.yaml"] ?? [],
    );
    expect(rules).toHaveLength(1);
    expect(served.filter((name) => rules[0]?.includes(`"${name}"`) !== true)).toEqual([]);
  });

  it("a streamed log: a receiver beside the keeper, and a role that may replicate", async () => {
    const keeper = async (wal: string) => {
      const { records } = await runProgram("production", { changes: { "data.backup.wal": wal } });
      const pod = podTemplates(records).find(({ record }) => objectName(record) === "backup-keeper");
      const roles = ofKind(records, "Secret").find((secret) => objectName(secret) === "postgres-roles");
      return {
        containers: pod?.containers.map((c) => text(c, "name")),
        replicates: /ROLE backup LOGIN [A-Z ]*\bREPLICATION;/.test(
          map(roles?.inputs, "stringData")["roles.sql"] ?? "",
        ),
      };
    };
    expect(await keeper("archive")).toEqual({ containers: ["backup-keeper"], replicates: false });
    expect(await keeper("stream")).toEqual({ containers: ["backup-keeper", "stream"], replicates: true });
  });

  it("replicas, worker, storage, paths and rotations", async () => {
    const { records } = await runProgram("production", {
      changes: {
        "app.apiReplicas": 2,
        "app.workerEnabled": false,
        "app.rotation": 5,
        "app.healthPath": "/health",
        "data.postgres.storageGiB": 77,
        "data.postgres.rotation": 6,
        "data.pgbouncer.rotation": 8,
        "ingress.rotation": 7,
        "monitoring.rotation": 9,
        "monitoring.storageGiB": 21,
        "cache.dragonfly.rotation": 3,
        "cache.redis.rotation": 4,
      },
    });
    const deployments = ofKind(records, "Deployment");
    expect(deployments.map(objectName).sort()).toEqual([
      "alertmanager",
      "api",
      "backup-keeper",
      "dragonfly",
      "drill-exporter",
      "kube-state-metrics",
      "pgbouncer",
      "postgres-exporter",
      "prometheus",
    ]);
    const api = deployments.find((deployment) => objectName(deployment) === "api")?.inputs;
    expect(at(api, "spec.replicas")).toBe(2);
    expect(text(api, "spec.template.spec.containers.0.readinessProbe.httpGet.path")).toBe("/health");
    const rotation = (kind: string, name: string): unknown =>
      map(
        ofKind(records, kind).find((record) => objectName(record) === name)?.inputs,
        "spec.template.metadata.annotations",
      )["platform.internal/rotation"];
    // A new database password restarts the API too.
    expect(rotation("Deployment", "api")).toBe("5.6.app_a@pgbouncer.hc-prod-data.svc:6432.3.4");
    expect(rotation("Deployment", "pgbouncer")).toBe("8");
    expect(rotation("StatefulSet", "postgres")).toBe("6");
    expect(rotation("DaemonSet", "traefik")).toBe("7");
    expect(rotation("Deployment", "prometheus")).toBe("9");
    expect(rotation("Deployment", "postgres-exporter")).toBe("9.6");
    expect(rotation("Deployment", "dragonfly")).toBe("3");
    expect(rotation("StatefulSet", "redis-queue")).toBe("4");
    expect(rotation("StatefulSet", "redis-signalling")).toBe("4");
    const sizes = ofKind(records, "PersistentVolumeClaim").map((c) =>
      text(c.inputs, "spec.resources.requests.storage"),
    );
    expect(sizes).toContain("77Gi");
    expect(sizes).toContain("21Gi");
    expect(ofKind(records, "NetworkPolicy").map(objectName)).not.toContain("worker");
  });

  it("an overridden image runs everywhere it is used", async () => {
    const ref = `registry.example.com/postgres:18.6-own@sha256:${"ab".repeat(32)}`;
    const { records } = await runProgram("production", { changes: { "images.postgres": ref } });
    const users = podTemplates(records).filter((pod) => JSON.stringify(pod.spec).includes(ref));
    expect(users.map((pod) => pod.record.name).sort()).toEqual([
      "platform-backup-daily",
      "platform-backup-keeper",
      "platform-backup-verify",
      "platform-drill-cron",
      "platform-maintenance-amcheck",
      "platform-maintenance-vacuum",
      "platform-migration-job",
      "platform-postgres-server",
    ]);
  });
});

describe("adoption", () => {
  const providerOf = (records: readonly ResourceRecord[]): Readonly<Record<string, unknown>> =>
    records.find((r) => r.type === "pulumi:providers:kubernetes")?.inputs ?? {};

  it("is off, and on only in the runs that config names", async () => {
    expect(providerOf((await runProgram("staging")).records)).not.toHaveProperty("upsertExistingObjects");
    const changes = { "cluster.adoptExisting": true };
    expect(providerOf((await runProgram("staging", { changes })).records)).toMatchObject({
      upsertExistingObjects: "true",
      enablePatchForce: "true",
    });
    const { sharer } = await runTwoStacksOnOneHost();
    expect(providerOf(sharer.records)).not.toHaveProperty("upsertExistingObjects");
  });
});

describe("refusals", () => {
  it("of a missing image, before anything is made", async () => {
    await expect(runProgram("production", { changes: { "images.app": undefined } })).rejects.toThrow(
      /images\.app/,
    );
  });
});

describe("a stack on another one's cluster", () => {
  it("asks the owner for the way in, and keeps it secret", async () => {
    const { sharer } = await runTwoStacksOnOneHost();
    const provider = sharer.records.find((r) => r.type === "pulumi:providers:kubernetes");
    expect(provider?.secretPaths).toEqual(["kubeconfig"]);
    expect(provider?.inputs["clusterIdentifier"]).toBe(ownerStack);
    expect(sharer.result.outputs.sharedClusterKubeconfig).toBeUndefined();
    expect(sharer.result.outputs.versions.traefik).toBeUndefined();
  });

  it("takes the pod range from the owner", async () => {
    const { sharer } = await runTwoStacksOnOneHost();
    const config = ofKind(sharer.records, "ConfigMap").find((r) => r.name === "platform-postgres-config");
    const hba = (at(config?.inputs, "data") as Record<string, string>)["pg_hba.conf"] ?? "";
    expect(hba).toContain("10.42.0.0/16");
    expect(list(config?.inputs, "data")).toEqual([]);
  });
});
