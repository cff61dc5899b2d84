import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  Alertmanager,
  allTargets,
  KubeStateMetrics,
  NodeExporter,
  Prometheus,
  type MonitoringPartArgs,
} from "../../../components/observability/index.ts";
import type { ImageName } from "../../../components/workload/index.ts";
import { child, children, image, inventory } from "../../support/components.ts";
import { at, list, map } from "../../support/records.ts";

const part = (name: ImageName): MonitoringPartArgs => ({
  prefix: "hc",
  namespaceName: "hc-monitoring",
  namespace: "hc-monitoring",
  image: image(name, "v1.0.0"),
  size: { cpuMillis: 10, memoryMiB: 64 },
  priorityClass: "hc-app",
  rotation: 2,
});

const prometheus = (changes: Record<string, unknown> = {}) =>
  new Prometheus("p", {
    ...part("prometheus"),
    targets: allTargets({ prefix: "hc", targets: [], receivers: { ports: [443], cidrs: [] }, node: false }),
    watched: { data: "hc-data", monitoring: "hc-monitoring" },
    rules: { backup: false, stream: false, drill: undefined, node: false },
    certificates: [{ name: "postgres-tls", ends: pulumi.output("2029-02-25T12:00:00Z") }],
    retentionDays: 15,
    storageGiB: 10,
    storageClass: "hc-retain",
    caCertificate: "ca",
    ...changes,
  });

const alertmanager = () =>
  new Alertmanager("a", {
    ...part("alertmanager"),
    config: { receiver: { kind: "webhook" }, deadMansSwitch: true, privateReceivers: false },
    secrets: {
      webhookUrl: pulumi.secret("canary-url"),
      smtpPassword: undefined,
      deadMansSwitchUrl: pulumi.secret("canary-switch"),
    },
    storageClass: "hc-retain",
    caCertificate: "ca",
  });

describe("Prometheus", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await children("p", prometheus))).toEqual([
      "ConfigMap p-config",
      "Deployment p-server",
      "PersistentVolumeClaim p-data",
      "Role p-role-data",
      "Role p-role-monitoring",
      "RoleBinding p-binding-data",
      "RoleBinding p-binding-monitoring",
      "Service p-service",
      "ServiceAccount p-account",
    ]);
  });

  it("may read pods of the watched namespaces, and nothing else", async () => {
    const records = await children("p", prometheus);
    const role = child(records, "p-role-data").inputs;
    expect(role["rules"]).toEqual([
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
    ]);
    expect(at(role, "metadata.namespace")).toBe("hc-data");
    expect(child(records, "p-binding-data").inputs["subjects"]).toEqual([
      { kind: "ServiceAccount", name: "prometheus", namespace: "hc-monitoring" },
    ]);
  });

  it("keeps its volume, never shares it, and holds a token of an hour at most", async () => {
    const records = await children("p", prometheus);
    expect(child(records, "p-data")).toMatchObject({ protect: true, retainOnDelete: true });
    const spec = at(child(records, "p-server").inputs, "spec");
    expect(at(spec, "strategy.type")).toBe("Recreate");
    const token = list(spec, "template.spec.volumes").find((v) => at(v, "name") === "token");
    expect(at(token, "projected.sources.0.serviceAccountToken.expirationSeconds")).toBe(3600);
  });

  it("is not restarted by another rule", async () => {
    const [before, after] = [
      await children("p", prometheus),
      await children("p", () =>
        prometheus({ rules: { backup: true, stream: true, drill: { gapDays: 7 }, node: true } }),
      ),
    ];
    expect(child(after, "p-config").inputs).not.toEqual(child(before, "p-config").inputs);
    expect(child(after, "p-server").inputs).toEqual(child(before, "p-server").inputs);
    expect(at(child(before, "p-config").inputs, "metadata.name")).toBe("prometheus-config");
  });

  it("can be previewed", async () => {
    expect(await children("p", prometheus, { preview: true })).toHaveLength(9);
  });
});

describe("Alertmanager", () => {
  it("keeps URLs in a Secret, which the pod mounts", async () => {
    const records = await children("a", alertmanager);
    expect(child(records, "a-receivers").secretPaths).toEqual(["stringData"]);
    expect(Object.keys(map(child(records, "a-receivers").inputs, "stringData")).sort()).toEqual([
      "dead-mans-switch-url",
      "webhook-url",
    ]);
    const others = records.filter(({ name }) => name !== "a-receivers");
    expect(JSON.stringify(others.map(({ inputs }) => inputs))).not.toContain("canary");
    const mounts = list(child(records, "a-server").inputs, "spec.template.spec.containers.0.volumeMounts");
    expect(mounts.find((m) => at(m, "name") === "receivers")).toEqual({
      name: "receivers",
      mountPath: "/run/platform/receivers",
      readOnly: true,
    });
  });

  it("holds no token of the API server", async () => {
    const records = await children("a", alertmanager);
    const spec = at(child(records, "a-server").inputs, "spec.template.spec");
    expect(at(spec, "automountServiceAccountToken")).toBe(false);
    expect(list(spec, "volumes").map((v) => at(v, "projected"))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("kube-state-metrics", () => {
  const made = (nodes: boolean) =>
    children("k", () => {
      new KubeStateMetrics("k", { ...part("kubeStateMetrics"), watched: { data: "hc-data" }, nodes });
    });

  it("reads no Secret and no ConfigMap", async () => {
    const records = await made(true);
    const kinds = [
      ...list(child(records, "k-role-data").inputs, "rules"),
      ...list(child(records, "k-cluster-role").inputs, "rules"),
    ].flatMap((rule) => list(rule, "resources"));
    expect(kinds).toEqual([
      "pods",
      "persistentvolumeclaims",
      "deployments",
      "statefulsets",
      "daemonsets",
      "jobs",
      "cronjobs",
      "nodes",
    ]);
  });

  it("has rights beyond its namespaces only in the stack that owns the cluster", async () => {
    expect(inventory(await made(false)).filter((line) => line.startsWith("Cluster"))).toEqual([]);
  });
});

describe("node-exporter", () => {
  it("reads the host and cannot write to it", async () => {
    const records = await children("n", () => {
      new NodeExporter("n", { ...part("nodeExporter"), namespaceName: "hc-node", namespace: "hc-node" });
    });
    const spec = at(child(records, "n-agent").inputs, "spec.template.spec");
    expect(at(spec, "hostNetwork") ?? at(spec, "hostPID")).toBeUndefined();
    expect(
      list(spec, "containers.0.volumeMounts").map((m) => [at(m, "mountPath"), at(m, "readOnly")]),
    ).toEqual([
      ["/host/proc", true],
      ["/host/root", true],
    ]);
    expect(at(spec, "containers.0.securityContext.capabilities.drop")).toEqual(["ALL"]);
    expect(at(spec, "securityContext.runAsUser")).toBe(65534);
  });
});
