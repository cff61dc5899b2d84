import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../../stacks/config.ts";
import { badDataSettings } from "./bad-data-settings.ts";
import { badSettings } from "./bad-settings.ts";
import { canaries, exampleConfig, exampleStacks, fakeSecrets } from "./examples.ts";
import type { ExampleStack } from "./examples.ts";

const problemsOf = (stack: ExampleStack, changes: Readonly<Record<string, unknown>>): readonly string[] => {
  try {
    parseConfig(exampleConfig(stack, changes));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

const walg = { url: "https://example.com/wal-g", sha256: "b".repeat(64) };

describe("example stacks", () => {
  it.each(exampleStacks)("%s is accepted", (stack) => {
    expect(problemsOf(stack, {})).toEqual([]);
  });

  it.each(["staging", "production"] as const)(
    "%s handles PHI and names the agreement and the admins",
    (stack) => {
      const config = parseConfig(exampleConfig(stack));
      expect(config.handlesPhi).toBe(true);
      expect(config.baaReference).toBe("contracts/2026-03-hosting-baa.pdf");
      expect(config.adminCidrs).toEqual(["198.51.100.16/28"]);
    },
  );

  it("fills in every default", () => {
    const config = parseConfig(exampleConfig("local", { "host.dataDirectory": undefined }));
    expect(config.stack).toBe("local");
    expect(config.host).toMatchObject({
      sshPort: 22,
      user: "root",
      sshAuth: "key",
      generation: 0,
      dataDirectory: "/srv/hc-local",
    });
    expect(config.cluster).toEqual({
      source: "own",
      identifier: "platform-local",
      version: "v1.36.3+k3s1",
      architecture: "amd64",
      artifacts: { source: "release" },
      nodeName: "hc-local",
      nodeIp: "192.0.2.11",
      apiAddress: "192.0.2.11",
      tlsSans: [],
      flannelBackend: "host-gw",
      clusterCidr: "10.42.0.0/16",
      serviceCidr: "10.43.0.0/16",
      etcdSnapshotSchedule: "15 */6 * * *",
      etcdSnapshotRetention: 28,
      kubeletArgs: [],
      apiServerArgs: [],
      registry: undefined,
      adoptExisting: false,
    });
    expect(config.app).toEqual({
      apiReplicas: undefined,
      workerEnabled: true,
      healthPath: "/health/api",
      livenessPath: "/health/live",
      migrationCommand: ["node", "dist/migrate.js"],
      rotation: 0,
    });
    expect(config.ingress).toEqual({ tls: "internal", rotation: 0 });
    expect(config.data).toEqual({
      postgres: {
        storageGiB: 2,
        walGiB: 2,
        rotation: 0,
        activeAppUser: "a",
        bootstrap: "initdb",
        imageContents: undefined,
        readers: [],
        auditedTables: undefined,
        maintenance: { vacuumSchedule: "30 3 * * 0", amcheckSchedule: "30 4 1 * *", timeZone: "Etc/UTC" },
      },
      pgbouncer: { rotation: 0 },
      backup: undefined,
    });
    expect(config.cache).toEqual({
      dragonfly: { rotation: 0 },
      redis: { rotation: 0, queueStorageGiB: 2, signallingStorageGiB: 1 },
    });
    expect(config.monitoring).toBeUndefined();
  });

  it("fills in every default of backup and monitoring", () => {
    const config = parseConfig(
      exampleConfig("staging", {
        "data.backup": { endpoint: "https://s3.example.com", bucket: "dumps", binary: walg },
        "data.postgres.storageGiB": 18,
        monitoring: { receiver: { kind: "webhook" } },
      }),
    );
    expect(config.data.postgres.walGiB).toBe(5);
    expect(config.data.backup).toEqual({
      endpoint: "https://s3.example.com",
      endpointCidrs: [],
      bucket: "dumps",
      region: "default",
      pathStyle: true,
      prefix: "pg18/hc-stg",
      caCertificate: undefined,
      schedule: "15 1 * * *",
      timeZone: "Etc/UTC",
      retainFull: 7,
      deltaMaxSteps: 6,
      networkRateLimitMiBps: undefined,
      verifySchedule: "45 2 * * *",
      wal: "archive",
      binary: walg,
      drill: { enabled: true, schedule: "0 5 * * 0", storageGiB: 18 },
    });
    expect(config.monitoring).toEqual({
      retentionDays: 15,
      storageGiB: 10,
      receiver: { kind: "webhook" },
      deadMansSwitch: true,
      receiverCidrs: [],
      rotation: 0,
    });
  });

  it("accepts a store and a mail server with private addresses", () => {
    const receiver = {
      kind: "smtp",
      host: "10.9.0.25",
      from: "platform@example.com",
      to: "ops@example.com",
      username: "platform",
    };
    expect(
      problemsOf("staging", {
        "data.backup.endpoint": "https://10.9.0.9:9000",
        "data.backup.endpointCidrs": ["10.9.0.9/32"],
        "monitoring.receiver": receiver,
        "monitoring.receiverCidrs": ["10.9.0.0/24"],
        alertWebhookUrl: undefined,
        alertSmtpPassword: fakeSecrets["alertSmtpPassword"],
      }),
    ).toEqual([]);
  });

  it("accepts readers, audited tables and an image that carries everything", () => {
    expect(
      problemsOf("staging", {
        "images.postgres": `registry.example.com/postgres:18.6@sha256:${"a".repeat(64)}`,
        "data.postgres.imageContents": ["pgaudit", "walg"],
        "data.postgres.auditedTables": ["public.patients", "clinic.visits"],
        "data.postgres.readers": ["jane_doe"],
        "data.postgres.bootstrap": "restore",
        "data.backup.binary": undefined,
        postgresReaderPasswords: fakeSecrets["postgresReaderPasswords"],
      }),
    ).toEqual([]);
  });

  it("demands no image of what does not run", () => {
    const none = { alertmanager: undefined, pgbouncerExporter: undefined, kubeStateMetrics: undefined };
    const images = Object.fromEntries(Object.keys(none).map((name) => [`images.${name}`, undefined]));
    const gone = { monitoring: undefined, alertWebhookUrl: undefined, deadMansSwitchUrl: undefined };
    expect(problemsOf("staging", { ...images, ...gone, handlesPhi: false })).toEqual([]);
  });

  it("knows what an override of the image carries", () => {
    const image = `registry.example.com/postgres:18.6@sha256:${"a".repeat(64)}`;
    const contents = (imageContents: readonly string[]): unknown =>
      parseConfig(
        exampleConfig("local", {
          "images.postgres": image,
          "data.postgres.imageContents": imageContents,
        }),
      ).data.postgres.imageContents;
    expect(contents(["pgaudit", "walg"])).toEqual({ pgaudit: true, walg: true });
    expect(contents([])).toEqual({ pgaudit: false, walg: false });
  });

  it("takes an empty value of Pulumi.yaml for not set", () => {
    expect(
      parseConfig(exampleConfig("local", { baaReference: "", registryPassword: "" })).baaReference,
    ).toBeUndefined();
  });

  it("accepts a second stack on the cluster of production", () => {
    const config = parseConfig(
      exampleConfig("staging", {
        host: undefined,
        cluster: { source: "shared", stack: "organization/platform/production" },
        vps: { cpus: 3, memoryMiB: 6144, diskGiB: 75 },
        sshPrivateKey: undefined,
        clusterToken: undefined,
        clusterAgentToken: undefined,
        registryPassword: undefined,
      }),
    );
    expect(config.host).toBeUndefined();
    expect(config.cluster).toEqual({
      source: "shared",
      stack: "organization/platform/production",
      adoptExisting: false,
    });
  });

  it("holds no secret in its value", () => {
    const text = JSON.stringify(parseConfig(exampleConfig("production")));
    for (const value of canaries) expect(text).not.toContain(value.slice(0, 20));
  });

  it("accepts an artifacts directory with a version whose release digest is not needed", () => {
    const artifacts = { source: "directory", path: "./artifacts", manifestSha256: "a".repeat(64) };
    expect(
      problemsOf("staging", { "cluster.architecture": "arm64", "cluster.artifacts": artifacts }),
    ).toEqual([]);
  });
});

describe("a bad setting", () => {
  it.each([...badSettings, ...badDataSettings])(
    "%s is refused with key, value and remedy",
    (_name, changes, problems) => {
      expect(problemsOf("staging", changes)).toEqual(problems);
    },
  );

  it("that leaves the application too few connections names the people who hold them", () => {
    const readers = (count: number): readonly string[] =>
      Array.from({ length: count }, (_, i) => `reader_${String(i)}`);
    const secret = (count: number): string =>
      JSON.stringify(Object.fromEntries(readers(count).map((name) => [name, "0123456789abcdef-reader"])));
    const problems = (count: number): readonly string[] =>
      problemsOf("staging", {
        "data.postgres.readers": readers(count),
        postgresReaderPasswords: secret(count),
      }).filter((problem) => problem.includes("PgBouncer"));
    expect(problems(27)).toEqual([]);
    expect(problems(28)).toEqual([
      expect.stringMatching(
        /^data\.postgres\.readers: with 28 readers PgBouncer is left with pools of 3 connections, .*; remove readers$/,
      ),
    ]);
  });

  it("of each kind comes in one message, with the count", () => {
    let message = "";
    try {
      parseConfig(
        exampleConfig("staging", {
          profile: "huge",
          baaReference: undefined,
          "host.hostkey": "x",
          appJwtSecret: "short",
        }),
      );
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    expect(message.split("\n")).toEqual([
      'Stack "staging": 4 settings are wrong; nothing was touched. Keys are in the namespace "platform:".',
      '  - profile: "huge" must be one of tiny, small, medium, large',
      "  - host.hostkey: unknown key; did you mean host.hostKey?",
      expect.stringMatching(/^ {2}- baaReference: missing, and handlesPhi is true/),
      "  - appJwtSecret: has 5 characters, at least 32 are needed; openssl rand -hex 32 makes one",
    ]);
  });

  it("that does not fit the machine shows the table", () => {
    const [problem, ...others] = problemsOf("staging", {
      profile: "large",
      "vps.cpus": 2,
      "vps.memoryMiB": 8192,
    });
    expect(others).toEqual([]);
    expect(problem).toMatch(
      /^vps: profile "large" does not fit; order a larger machine, choose a smaller profile, or lower app\.apiReplicas: 4565m CPU and 9204 MiB memory too little\n/,
    );
    expect(problem).toMatch(/\n {6}api +3 +1500 +3072\n/);
  });

  it("on a shared cluster: a host is refused, and the owner's secrets", () => {
    const shared = { source: "shared", stack: "organization/platform/production" };
    expect(problemsOf("staging", { cluster: shared })).toEqual([
      "host: is set, but cluster.source is shared and the host belongs to the other stack; remove it: pulumi config rm platform:host",
      "sshPrivateKey: is set, but only used with host.sshAuth key; remove it: pulumi config rm platform:sshPrivateKey",
      "clusterToken: is set, but only used with own cluster; remove it: pulumi config rm platform:clusterToken",
      "clusterAgentToken: is set, but only used with own cluster; remove it: pulumi config rm platform:clusterAgentToken",
      "registryPassword: is set, but only used with cluster.registry; remove it: pulumi config rm platform:registryPassword",
    ]);
  });
});
