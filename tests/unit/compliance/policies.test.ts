import { describe, expect, it } from "vitest";
import {
  allowed,
  flowProblems,
  inRange,
  partiesOf,
  reachabilityMatrix,
  renderPolicies,
  type Party,
  type PolicyContext,
} from "../../../components/compliance/index.ts";
import { ownLabel, type FlowDeclaration } from "../../../components/workload/index.ts";

const context: PolicyContext = {
  namespaces: { data: "hc-data", app: "hc-app", ingress: "hc-ingress" },
  apiServer: [
    { cidr: "10.43.0.1/32", port: 443 },
    { cidr: "203.0.113.10/32", port: 6443 },
  ],
};

const postgres: FlowDeclaration = {
  layer: "data",
  workload: "postgres",
  selector: { app: "postgres" },
  listens: [
    { name: "sql", port: 5432, encrypted: true, carriesPhi: true },
    { name: "metrics", port: 9187, encrypted: false, carriesPhi: false },
  ],
  calls: [],
};
const api: FlowDeclaration = {
  layer: "app",
  workload: "api",
  selector: { app: "api" },
  listens: [{ name: "http", port: 8088, openTo: "edge", encrypted: false, carriesPhi: true }],
  calls: [{ workload: "data/postgres", port: "sql" }, { service: "dns" }, { internetPorts: [443] }],
};
const worker: FlowDeclaration = {
  layer: "app",
  workload: "worker",
  selector: { app: "worker" },
  listens: [],
  calls: [{ addresses: { cidrs: ["10.9.0.0/24", "10.8.0.7/32"], port: 9000 } }],
};
const edge: FlowDeclaration = {
  layer: "ingress",
  workload: "traefik",
  selector: { app: "traefik" },
  listens: [{ name: "https", port: 8443, openTo: "world", encrypted: true, carriesPhi: true }],
  calls: [{ service: "kubernetes-api" }, { service: "edge-backends", port: 8088 }],
};
const all = [postgres, api, worker, edge];
const policies = renderPolicies(all, context);
const parties = new Map(partiesOf(all, context.namespaces).map((party) => [party.name, party]));
const party = (name: string): Party => parties.get(name) ?? { name, address: name };

describe("renderPolicies", () => {
  it("denies both directions in every namespace, with or without workloads", () => {
    const rendered = renderPolicies([], context);
    expect(rendered.map((p) => `${p.layer}/${p.name}`)).toEqual([
      "data/default-deny",
      "app/default-deny",
      "ingress/default-deny",
    ]);
    for (const { spec } of rendered)
      expect(spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("makes one policy per workload, with both directions", () => {
    const own = policies.filter((p) => p.name !== "default-deny");
    expect(own.map((p) => p.name)).toEqual(["postgres", "api", "worker", "traefik"]);
    expect(own.every((p) => p.spec.policyTypes.length === 2)).toBe(true);
  });

  it("never renders a rule without peers, which would allow everybody", () => {
    const rules = policies.flatMap(({ spec }) => [
      ...(spec.ingress ?? []).map((r) => r.from ?? []),
      ...(spec.egress ?? []).map((r) => r.to),
    ]);
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter((peers) => peers.length === 0)).toEqual([]);
  });
});

describe("what passes", () => {
  it.each([
    ["app/api", "data/postgres", 5432, true],
    ["app/api", "data/postgres", 9187, false],
    ["app/worker", "data/postgres", 5432, false],
    ["ingress/traefik", "data/postgres", 5432, false],
    ["203.0.113.9", "data/postgres", 5432, false],
    ["ingress/traefik", "app/api", 8088, true],
    ["app/worker", "app/api", 8088, false],
    ["203.0.113.9", "app/api", 8088, false],
    ["203.0.113.9", "ingress/traefik", 8443, true],
    ["app/api", "198.51.100.7", 443, true],
    ["app/api", "198.51.100.7", 25, false],
    ["app/api", "10.42.0.9", 443, false],
    ["app/api", "169.254.169.254", 443, false],
    ["app/worker", "198.51.100.7", 443, false],
    ["app/worker", "10.9.0.200", 9000, true],
    ["app/worker", "10.8.0.7", 9000, true],
    ["app/worker", "10.8.0.8", 9000, false],
    ["app/worker", "10.9.0.200", 443, false],
    ["app/api", "10.9.0.200", 9000, false],
    ["ingress/traefik", "10.43.0.1", 443, true],
    ["ingress/traefik", "203.0.113.10", 6443, true],
    ["app/api", "10.43.0.1", 443, false],
  ])("%s to %s on %i: %s", (from, to, port, expected) => {
    expect(allowed(policies, party(from), party(to), port)).toBe(expected);
  });

  it("is open to the edge of another stack, and closed to its other pods", () => {
    const foreign = (layer: string): Party => ({
      name: "foreign",
      layer: "ingress",
      labels: { app: "traefik" },
      namespaceLabels: { "kubernetes.io/metadata.name": "other", [ownLabel.layer]: layer },
    });
    const ingressOnly = policies.map((p) =>
      p.layer === "ingress" ? { ...p, spec: { ...p.spec, policyTypes: [] } } : p,
    );
    expect(allowed(ingressOnly, foreign("ingress"), party("app/api"), 8088)).toBe(true);
    expect(allowed(ingressOnly, foreign("app"), party("app/api"), 8088)).toBe(false);
  });

  it("lets DNS through to CoreDNS only", () => {
    const coredns: Party = {
      name: "dns",
      layer: "data",
      labels: { "k8s-app": "kube-dns" },
      namespaceLabels: { "kubernetes.io/metadata.name": "kube-system" },
    };
    const outside = policies.filter((p) => p.layer !== "data");
    expect(allowed(outside, party("app/api"), coredns, 53, "UDP")).toBe(true);
    expect(allowed(outside, party("app/api"), coredns, 53, "TCP")).toBe(true);
    expect(allowed(outside, party("app/worker"), coredns, 53, "UDP")).toBe(false);
  });

  it("is listed in the matrix, for every workload and a stranger", () => {
    const matrix = reachabilityMatrix(all, policies, context.namespaces);
    // four listens, each asked by three other pods and the stranger
    expect(matrix).toHaveLength(16);
    expect(
      matrix.filter((row) => row.allowed).map((row) => `${row.from} -> ${row.to}:${String(row.port)}`),
    ).toEqual([
      "app/api -> data/postgres:5432",
      "ingress/traefik -> app/api:8088",
      "world -> ingress/traefik:8443",
    ]);
  });

  it("shows when a policy is lost", () => {
    const without = policies.filter((p) => p.layer !== "data");
    expect(
      reachabilityMatrix(
        [postgres, worker],
        [...without, ...renderPolicies([], { ...context, namespaces: {} })],
        context.namespaces,
      ).some((r) => r.from === "world" && r.allowed),
    ).toBe(true);
  });
});

describe("flowProblems", () => {
  it.each([
    ["a double", [api, { ...api, calls: [] }, postgres], /app\/api is declared twice/],
    ["a call to nobody", [api], /app\/api calls "data\/postgres", which is not declared/],
    [
      "a port that nobody listens on",
      [{ ...api, calls: [{ workload: "data/postgres", port: "web" }] }, postgres],
      /calls port "web" of data\/postgres, which listens on sql, metrics/,
    ],
    [
      "a call to no network",
      [{ ...worker, calls: [{ addresses: { cidrs: [], port: 9000 } }] }],
      /app\/worker calls port 9000 of no network at all/,
    ],
  ] as const)("names %s", (_what, declarations, expected) => {
    expect(flowProblems(declarations, context).join("\n")).toMatch(expected);
    expect(() => renderPolicies(declarations, context)).toThrow(expected);
  });

  it("names an unknown API server and a missing namespace", () => {
    expect(flowProblems([edge], { ...context, apiServer: [] }).join()).toMatch(
      /Kubernetes API, whose address/,
    );
    expect(flowProblems([edge], { ...context, namespaces: {} }).join()).toMatch(
      /no namespace for layer "ingress"/,
    );
  });

  it("is empty for a sound set", () => {
    expect(flowProblems(all, context)).toEqual([]);
  });
});

describe("inRange", () => {
  it.each([
    ["10.0.0.1", "10.0.0.0/8", true],
    ["11.0.0.1", "10.0.0.0/8", false],
    ["172.31.255.255", "172.16.0.0/12", true],
    ["172.32.0.0", "172.16.0.0/12", false],
    ["203.0.113.9", "0.0.0.0/0", true],
    ["203.0.113.9", "203.0.113.9/32", true],
  ])("%s in %s: %s", (address, cidr, expected) => {
    expect(inRange(address, cidr)).toBe(expected);
  });
});
