import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { Cluster } from "../../../components/cluster/index.ts";
import type { ClusterArgs } from "../../../components/cluster/index.ts";
import { endMarker, sshConnection } from "../../../components/remote/index.ts";
import { isSecret, named, record, valueOf } from "../remote/recorder.ts";
import { clusterSpec } from "./spec.ts";

const k3sYaml = stringify({
  clusters: [{ name: "default", cluster: { server: "x", "certificate-authority-data": "Q0EhIQ==" } }],
  users: [
    { name: "default", user: { "client-certificate-data": "Q0VSVA==", "client-key-data": "Q0FOQVJZ" } },
  ],
});
const stdout = (name: string): string => (name.endsWith("-kubeconfig") ? `${k3sYaml}${endMarker}\n` : "");

const registry = { host: "r.example.com", endpoint: "https://r.example.com", username: "robot" };
const directory = { source: "directory", path: "tests/unit", manifestSha256: "0".repeat(64) } as const;

/** Stands for one of the host's scripts. */
class Step extends pulumi.CustomResource {
  constructor(name: string) {
    super("test:index:Step", name);
  }
}
const stepsOf = (records: readonly { readonly type: string }[]): number =>
  records.filter((r) => r.type === "test:index:Step").length;

const build = (
  changes: Parameters<typeof clusterSpec>[0] = {},
  extra: Pick<ClusterArgs, "adoptExisting"> = {},
  name = "cluster",
) => {
  const connection = sshConnection({
    address: "192.0.2.1",
    user: "root",
    hostKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`,
    privateKey: pulumi.secret("CANARY_SSH"),
  });
  const { registry: login, ...spec } = clusterSpec(changes);
  return new Cluster(name, {
    ...spec,
    ...extra,
    connection,
    host: { staging: new Step(`${name}-staging`), ready: new Step(`${name}-ready`) },
    token: pulumi.secret("CANARY_TOKEN"),
    agentToken: pulumi.secret("CANARY_AGENT"),
    registry: login && { ...login, password: pulumi.secret("CANARY_REGISTRY") },
  });
};

describe("Cluster", () => {
  it("is an install, a kubeconfig and a provider", async () => {
    const records = await record(() => build(), { stdout });
    expect(records.map((r) => [r.type, r.name, r.parent]).sort()).toEqual([
      ["command:remote:Command", "cluster-install", "cluster"],
      ["command:remote:Command", "cluster-kubeconfig", "cluster"],
      ["platform:cluster:Cluster", "cluster", ""],
      ["pulumi:providers:kubernetes", "cluster-k8s", "cluster"],
      ["test:index:Step", "cluster-ready", ""],
      ["test:index:Step", "cluster-staging", ""],
    ]);
    expect(named(records, "cluster-install").dependsOn).toEqual(["cluster-ready"]);
    expect(named(records, "cluster-kubeconfig").dependsOn).toEqual(["cluster-install"]);
  });

  it("uploads a directory of artifacts as soon as the host takes files, and installs when it is ready", async () => {
    const records = await record(() => build({ artifacts: directory, generation: 4 }), { stdout });
    const copy = named(records, "cluster-artifacts");
    expect([copy.type, copy.parent]).toEqual(["command:remote:CopyToRemote", "cluster"]);
    expect(copy.inputs["remotePath"]).toBe("/var/lib/hc-test/upload/4");
    expect(copy.inputs).not.toHaveProperty("triggers");
    expect(copy.dependsOn).toEqual(["cluster-staging"]);
    expect(named(records, "cluster-install").dependsOn.toSorted()).toEqual([
      "cluster-artifacts",
      "cluster-ready",
    ]);
  });

  it("never triggers a replacement and has nothing that deletes", async () => {
    for (const r of await record(() => build({ artifacts: directory }), { stdout })) {
      expect(r.inputs).not.toHaveProperty("triggers");
      expect(r.inputs).not.toHaveProperty("delete");
    }
  });

  it("has secrets on stdin, in the connection and in the provider only", async () => {
    const records = await record(() => build({ registry }), { stdout });
    const places = records.flatMap((r) =>
      Object.entries(r.inputs)
        .filter(([, value]) => /CANARY|Q0FOQVJZ/.test(JSON.stringify(value)))
        .map(([key, value]) => [r.name, key, Object.keys(value as object)]),
    );
    expect(places.sort()).toEqual([
      ["cluster-install", "connection", ["secret"]],
      ["cluster-install", "stdin", ["secret"]],
      ["cluster-k8s", "kubeconfig", ["secret"]],
      ["cluster-kubeconfig", "connection", ["secret"]],
    ]);
    const install = JSON.stringify(named(records, "cluster-install").inputs["stdin"]);
    for (const secret of ["CANARY_TOKEN", "CANARY_AGENT", "CANARY_REGISTRY"])
      expect(install).toContain(secret);
  });

  it("gives the provider a constant identity", async () => {
    const records = await record(() => build(), { stdout });
    const { kubeconfig, ...inputs } = named(records, "cluster-k8s").inputs;
    expect(inputs).toEqual({
      clusterIdentifier: "hc-test",
      enableServerSideApply: "true",
      enableSecretMutable: "true",
      kubeClientSettings: '{"qps":200,"burst":400}',
    });
    expect(JSON.stringify(kubeconfig)).toContain("server: https://k8s.example.com:6443");
  });

  it("takes over what exists, and fields of earlier runs, in a recovery run only", async () => {
    const records = await record(() => build({}, { adoptExisting: true }), { stdout });
    expect(named(records, "cluster-k8s").inputs).toMatchObject({
      clusterIdentifier: "hc-test",
      upsertExistingObjects: "true",
      enablePatchForce: "true",
    });
    const script = (of: typeof records): unknown => named(of, "cluster-install").inputs["stdin"];
    expect(script(records)).toEqual(script(await record(() => build(), { stdout })));
  });

  it("reads the kubeconfig again for a rebuilt host, and for nothing else", async () => {
    const stdin = async (changes: Parameters<typeof clusterSpec>[0]) =>
      named(await record(() => build(changes), { stdout }), "cluster-kubeconfig").inputs["stdin"];
    const first = await stdin({});
    expect(await stdin({ version: "v1.36.4+k3s1", kubeletArgs: ["max-pods=50"], registry })).toEqual(first);
    expect(await stdin({ generation: 2 })).not.toEqual(first);
  });

  it("tells the version in clear and the kubeconfig as a secret", async () => {
    let cluster: Cluster | undefined;
    await record(
      () => {
        cluster = build();
      },
      { stdout },
    );
    if (cluster === undefined) throw new Error("not built");
    expect(await valueOf(cluster.version)).toBe("v1.36.5+k3s1");
    expect(await isSecret(cluster.version)).toBe(false);
    expect(await isSecret(cluster.kubeconfig)).toBe(true);
  });

  it("gives its scripts more time than they take on the host", async () => {
    const install = named(await record(() => build(), { stdout }), "cluster-install");
    expect(install.inputs["create"]).toContain("timeout -k 10 3600 ");
    expect(install.timeouts).toEqual({ create: "3780s", update: "3780s" });
  });

  it("refuses bad settings before it registers anything", async () => {
    await expect(record(() => build({ version: "v1.0.0+k3s1" }), { stdout })).rejects.toThrow(
      "no digest is pinned",
    );
  });

  it("refuses a directory whose manifest is another than the pinned one, before anything is registered", async () => {
    const path = mkdtempSync(join(tmpdir(), "artifacts-"));
    writeFileSync(join(path, "manifest.json"), "{}");
    const pinned = (manifestSha256: string) => () =>
      record(() => build({ artifacts: { source: "directory", path, manifestSha256 } }), { stdout });
    try {
      await expect(pinned("0".repeat(64))()).rejects.toThrow(
        `cluster.artifacts.manifestSha256: ${"0".repeat(64)} is pinned, ${path}/manifest.json has 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a`,
      );
      expect(
        (await pinned("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")()).length,
      ).toBe(7);
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  it("two of them do not collide, also in a preview", async () => {
    const records = await record(
      () => {
        build({}, {}, "one");
        build({ prefix: "hc-two", identifier: "two" }, {}, "two");
      },
      { stdout, preview: true },
    );
    expect(new Set(records.map((r) => `${r.type} ${r.name}`)).size).toBe(records.length);
    expect([records.length, stepsOf(records)]).toEqual([12, 4]);
  });
});
