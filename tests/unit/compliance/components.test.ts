import { describe, expect, it } from "vitest";
import {
  ClusterDefaults,
  Namespaces,
  NetworkFlows,
  priorities,
} from "../../../components/compliance/index.ts";
import { child, children, inventory } from "../../support/components.ts";
import { record } from "../../support/harness.ts";
import { at, map } from "../../support/records.ts";

describe("Namespaces", () => {
  const made = async () =>
    await children(
      "ns",
      () =>
        new Namespaces("ns", {
          prefix: "hc",
          specs: [{ layer: "data" }, { layer: "ingress", privilegedBecause: "host ports" }],
          podSecurityVersion: "v1.36",
        }),
    );

  it("makes a namespace per layer and takes the token from its default account", async () => {
    const records = await made();
    expect(inventory(records)).toEqual([
      "Namespace ns-data",
      "Namespace ns-ingress",
      "ServiceAccountPatch ns-data-default-account",
      "ServiceAccountPatch ns-ingress-default-account",
    ]);
    expect(child(records, "ns-data-default-account").inputs).toMatchObject({
      metadata: { name: "default", namespace: "hc-data" },
      automountServiceAccountToken: false,
    });
  });

  it("is restricted unless a reason is written", async () => {
    const records = await made();
    const labelsOf = (name: string) => map(child(records, name).inputs, "metadata.labels");
    expect(labelsOf("ns-data")).toMatchObject({
      "pod-security.kubernetes.io/enforce": "restricted",
      "pod-security.kubernetes.io/enforce-version": "v1.36",
      "platform.internal/layer": "data",
    });
    expect(at(child(records, "ns-data").inputs, "metadata.annotations")).toBeUndefined();
    expect(labelsOf("ns-ingress")["pod-security.kubernetes.io/enforce"]).toBe("privileged");
    expect(map(child(records, "ns-ingress").inputs, "metadata.annotations")).toEqual({
      "platform.internal/pod-security-reason": "host ports",
    });
  });

  it("is protected and kept, because deleting it deletes all inside", async () => {
    const records = await made();
    for (const name of ["ns-data", "ns-ingress"])
      expect(child(records, name)).toMatchObject({ protect: true, retainOnDelete: true });
  });
});

describe("ClusterDefaults", () => {
  it("keeps volumes, of a kind that honours fsGroup", async () => {
    const records = await children("d", () => new ClusterDefaults("d", { prefix: "hc", isGuest: false }));
    expect(child(records, "d-storage-retain").inputs).toMatchObject({
      metadata: { name: "hc-retain", annotations: { defaultVolumeType: "local" } },
      provisioner: "rancher.io/local-path",
      reclaimPolicy: "Retain",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true,
    });
  });

  it("evicts jobs first and data last, and lets no job push anything out", async () => {
    const records = await children("d", () => new ClusterDefaults("d", { prefix: "hc", isGuest: false }));
    expect(
      Object.entries(priorities)
        .sort(([, a], [, b]) => b - a)
        .map(([name]) => name),
    ).toEqual(["data", "edge", "app", "cache", "jobs"]);
    expect(child(records, "d-priority-jobs").inputs).toMatchObject({
      metadata: { name: "hc-jobs" },
      preemptionPolicy: "Never",
      globalDefault: false,
    });
    // Above that only the system's own classes are allowed.
    expect(Math.max(...Object.values(priorities))).toBeLessThan(1_000_000_000);
  });

  it("puts all of a guest below all of the owner, in the same order", async () => {
    const records = await children("d", () => new ClusterDefaults("d", { prefix: "hc", isGuest: true }));
    const values = Object.keys(priorities).map(
      (role) => child(records, `d-priority-${role}`).inputs["value"],
    );
    expect(values).toEqual([1000, 900, 800, 700, 100]);
    expect(Math.max(...values.map(Number))).toBeLessThan(Math.min(...Object.values(priorities)));
  });
});

describe("NetworkFlows", () => {
  const flow = {
    layer: "data",
    workload: "postgres",
    selector: { app: "postgres" },
    listens: [],
    calls: [],
  } as const;

  it("makes the rendered policies in their namespaces", async () => {
    const records = await children(
      "flows",
      () =>
        new NetworkFlows("flows", {
          declarations: [flow],
          context: { namespaces: { data: "hc-data" } },
          apiServer: [],
          namespaces: { data: "hc-data" },
        }),
    );
    expect(inventory(records)).toEqual([
      "NetworkPolicy flows-data-default-deny",
      "NetworkPolicy flows-data-postgres",
    ]);
    expect(records.every((r) => at(r.inputs, "metadata.namespace") === "hc-data")).toBe(true);
  });

  it("stops before anything is made when a flow leads nowhere", async () => {
    const build = () =>
      new NetworkFlows("flows", {
        declarations: [{ ...flow, calls: [{ workload: "app/api", port: "http" }] }],
        context: { namespaces: { data: "hc-data" } },
        apiServer: [],
        namespaces: { data: "hc-data" },
      });
    await expect(record(build)).rejects.toThrow(/data\/postgres calls "app\/api", which is not declared/);
  });
});
