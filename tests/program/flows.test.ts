import { beforeAll, describe, expect, it } from "vitest";
import {
  allowed,
  type Party,
  type PolicySpec,
  type RenderedPolicy,
} from "../../components/compliance/index.ts";
import { ownLabel, type Layer } from "../../components/workload/index.ts";
import { runProgram, runTwoStacksOnOneHost } from "../support/program.ts";
import {
  at,
  list,
  map,
  namespaceOf,
  objectName,
  ofKind,
  podTemplates,
  type ResourceRecord,
} from "../support/records.ts";
import { exampleStacks } from "../unit/stacks/examples.ts";

/**
 * Who reaches whom, from the NetworkPolicies, pods and namespaces as the program hands them to the cluster: not from
 * the flows that they were made from. Not proved here: that the cluster enforces them.
 */

interface Cluster {
  readonly pods: readonly (Party & { readonly ports: readonly number[] })[];
  readonly policies: readonly RenderedPolicy[];
}

/** A namespace stands for its layer: policies only ever select pods of their own. */
const layerOf = (namespace: string): Layer => namespace as Layer;

const clusterOf = (records: readonly ResourceRecord[]): Cluster => {
  const namespaceLabels = new Map(
    ofKind(records, "Namespace").map((ns) => [
      objectName(ns),
      { ...map(ns.inputs, "metadata.labels"), "kubernetes.io/metadata.name": objectName(ns) },
    ]),
  );
  return {
    pods: podTemplates(records).map((pod) => ({
      name: `${pod.namespace}/${pod.labels["app.kubernetes.io/name"] ?? ""}`,
      layer: layerOf(pod.namespace),
      labels: pod.labels,
      namespaceLabels: namespaceLabels.get(pod.namespace) ?? {},
      // Sidecars are init containers that stay.
      ports: [...pod.containers, ...pod.initContainers]
        .flatMap((c) => list(c, "ports"))
        .map((port) => Number(at(port, "containerPort"))),
    })),
    policies: ofKind(records, "NetworkPolicy").map((policy) => ({
      layer: layerOf(namespaceOf(policy)),
      name: objectName(policy),
      spec: policy.inputs["spec"] as PolicySpec,
    })),
  };
};

const world: Party = { name: "world", address: "203.0.113.9" };
const internet: Party = { name: "internet", address: "198.51.100.7" };

/** `from -> to:port` for everything that passes between pods, and from outside to pods. */
const open = ({ pods, policies }: Cluster): readonly string[] =>
  pods
    .flatMap((to) =>
      to.ports.flatMap((port) =>
        [...pods, world]
          .filter((from) => from !== to && allowed(policies, from, to, port))
          .map((from) => `${from.name} -> ${to.name}:${String(port)}`),
      ),
    )
    // Jobs of one kind share their labels.
    .filter((line, index, all) => all.indexOf(line) === index)
    .sort();

/** Only stacks with a store for backups have pods that call the database for them. */
const backups = (prefix: string): readonly string[] =>
  prefix === "hc-local"
    ? []
    : [
        `${prefix}-data/backup -> ${prefix}-data/postgres:5432`,
        `${prefix}-data/backup-keeper -> ${prefix}-data/postgres:5432`,
      ];

const expected = (prefix: string): readonly string[] => [
  `${prefix}-app/api -> ${prefix}-cache/dragonfly:6379`,
  `${prefix}-app/api -> ${prefix}-cache/redis-queue:6379`,
  `${prefix}-app/api -> ${prefix}-data/pgbouncer:6432`,
  `${prefix}-app/migration -> ${prefix}-data/postgres:5432`,
  `${prefix}-app/worker -> ${prefix}-cache/dragonfly:6379`,
  `${prefix}-app/worker -> ${prefix}-cache/redis-queue:6379`,
  `${prefix}-app/worker -> ${prefix}-data/pgbouncer:6432`,
  ...backups(prefix),
  `${prefix}-cache/cache-cleanup -> ${prefix}-cache/dragonfly:6379`,
  `${prefix}-data/maintenance -> ${prefix}-data/postgres:5432`,
  `${prefix}-data/pgbouncer -> ${prefix}-data/postgres:5432`,
  `${prefix}-ingress/traefik -> ${prefix}-app/api:8443`,
  `world -> ${prefix}-ingress/traefik:8000`,
  `world -> ${prefix}-ingress/traefik:8443`,
];

/** With `platform:monitoring`, as staging and production have it. */
const expectedMonitoring = (prefix: string): readonly string[] => [
  `${prefix}-data/postgres-exporter -> ${prefix}-data/postgres:5432`,
  `${prefix}-monitoring/prometheus -> ${prefix}-cache/dragonfly:9999`,
  `${prefix}-monitoring/prometheus -> ${prefix}-cache/redis-queue:9121`,
  `${prefix}-monitoring/prometheus -> ${prefix}-cache/redis-signalling:9121`,
  `${prefix}-monitoring/prometheus -> ${prefix}-data/pgbouncer:9127`,
  `${prefix}-monitoring/prometheus -> ${prefix}-data/postgres-exporter:9187`,
  `${prefix}-monitoring/prometheus -> ${prefix}-drill/drill-exporter:9101`,
  `${prefix}-monitoring/prometheus -> ${prefix}-monitoring/alertmanager:9093`,
  `${prefix}-monitoring/prometheus -> ${prefix}-monitoring/kube-state-metrics:8080`,
  `${prefix}-monitoring/prometheus -> ${prefix}-node/node-exporter:9100`,
];

/** Everything that passes in an example stack that owns its cluster. */
const expectedAll = (prefix: string, monitored: boolean): readonly string[] =>
  [...expected(prefix), ...(monitored ? expectedMonitoring(prefix) : [])].sort();

describe.each(exampleStacks)("%s", (stack) => {
  const prefix = { local: "hc-local", staging: "hc-stg", production: "hc-prod" }[stack];
  const monitored = stack !== "local";
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = clusterOf((await runProgram(stack)).records);
  });

  it("lets exactly these connections pass", () => {
    expect(open(cluster)).toEqual(expectedAll(prefix, monitored));
  });

  it("lets only application, alerts and backups call the Internet, and none of them a private address", () => {
    const callers = (to: Party, port: number): readonly string[] =>
      cluster.pods.filter((pod) => allowed(cluster.policies, pod, to, port)).map((pod) => pod.name);
    const storing = ["backup", "backup-keeper", "postgres"].map((name) => `${prefix}-data/${name}`);
    expect([...new Set(callers(internet, 443))].sort()).toEqual([
      `${prefix}-app/api`,
      `${prefix}-app/worker`,
      ...(stack === "local" ? [] : storing),
      ...(stack === "local" ? [] : [`${prefix}-drill/restore-drill`]),
      ...(monitored ? [`${prefix}-monitoring/alertmanager`] : []),
    ]);
    expect(callers({ name: "node", address: "192.168.1.10" }, 443)).toEqual([]);
    expect(callers({ name: "metadata", address: "169.254.169.254" }, 80)).toEqual([]);
  });

  it("lets nothing in the namespace of the drill call a pod", () => {
    const drills = cluster.pods.filter((pod) => pod.name.startsWith(`${prefix}-drill/`));
    expect([...new Set(drills.map((pod) => pod.name))].toSorted()).toEqual(
      stack === "local" ? [] : [`${prefix}-drill/drill-exporter`, `${prefix}-drill/restore-drill`],
    );
    const reached = drills.flatMap((from) =>
      cluster.pods
        .filter((to) => to !== from && to.ports.some((port) => allowed(cluster.policies, from, to, port)))
        .map((to) => `${from.name} -> ${to.name}`),
    );
    expect(reached).toEqual([]);
  });

  it("lets only the edge and what watches pods call the Kubernetes API", () => {
    const api: Party = { name: "api", address: "10.43.0.1" };
    const callers = cluster.pods.filter((pod) => allowed(cluster.policies, pod, api, 443));
    expect(callers.map((pod) => pod.name).toSorted()).toEqual([
      `${prefix}-ingress/traefik`,
      ...(monitored ? [`${prefix}-monitoring/kube-state-metrics`, `${prefix}-monitoring/prometheus`] : []),
    ]);
  });
});

describe("staging beside production", () => {
  it("keeps the two apart, but for the edge that both use", async () => {
    const { owner, sharer } = await runTwoStacksOnOneHost();
    const passes = open(clusterOf([...owner.records, ...sharer.records]));
    expect(passes).toEqual(
      [
        ...expectedAll("hc-prod", true),
        ...expectedAll("hc-stg", true).filter((line) => !/hc-stg-(ingress|node)/.test(line)),
        "hc-prod-ingress/traefik -> hc-stg-app/api:8443",
      ].sort(),
    );
  });

  it("would notice a pod that is exposed by mistake", async () => {
    const { records } = await runProgram("production");
    const cluster = clusterOf(records);
    const exposed = cluster.pods.map((pod) =>
      pod.name.endsWith("/worker") && "labels" in pod
        ? { ...pod, ports: [8443], labels: { ...pod.labels, [ownLabel.exposed]: "true" } }
        : pod,
    );
    const leaky = cluster.policies.map((policy) =>
      policy.name === "worker"
        ? {
            ...policy,
            spec: { ...policy.spec, ingress: [{ ports: [{ port: 8443, protocol: "TCP" as const }] }] },
          }
        : policy,
    );
    expect(open({ pods: exposed, policies: leaky })).toContain(
      "hc-prod-ingress/traefik -> hc-prod-app/worker:8443",
    );
  });
});
