import {
  flowId,
  ownLabel,
  type Call,
  type FlowDeclaration,
  type Layer,
  type Listen,
} from "../workload/index.ts";

/** Pure: flows in, NetworkPolicy specs out. No Pulumi import, tested alone. */

export interface PolicyContext {
  /** Full names of this stack's namespaces. */
  readonly namespaces: Readonly<Partial<Record<Layer, string>>>;
  /**
   * Addresses of the API server as a pod sees them, e.g. `10.43.0.1/32` and 443, plus the node's own address and
   * 6443: after translation a policy sees only the second. Empty: nobody in this stack may call it.
   */
  readonly apiServer: readonly { readonly cidr: string; readonly port: number }[];
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}
export interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: string[] };
}
export interface PolicyPort {
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
}
export interface PolicySpec {
  readonly podSelector: Selector;
  readonly policyTypes: ("Ingress" | "Egress")[];
  readonly ingress?: { from?: Peer[]; ports: PolicyPort[] }[];
  readonly egress?: { to: Peer[]; ports: PolicyPort[] }[];
}
export interface RenderedPolicy {
  readonly layer: Layer;
  /** Unique within the layer. */
  readonly name: string;
  readonly spec: PolicySpec;
}

/** What is not the public Internet (RFC 1918, shared, loopback, link-local with the cloud metadata address, multicast, reserved). */
export const notInternet = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

const namespaceNamed = (name: string): Selector => ({ matchLabels: { "kubernetes.io/metadata.name": name } });
const namespaceOf = (layer: Layer): Selector => ({ matchLabels: { [ownLabel.layer]: layer } });
const tcp = (port: number): PolicyPort => ({ port, protocol: "TCP" });
const portOf = (listen: Listen): PolicyPort => ({ port: listen.port, protocol: listen.protocol ?? "TCP" });

/** CoreDNS as k3s ships it. */
const dns: Peer = {
  namespaceSelector: namespaceNamed("kube-system"),
  podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
};

/**
 * Everything wrong with a set of declarations, one line each: doubles, calls to nobody, ports that nobody listens on.
 * An empty list means that `renderPolicies` will succeed.
 */
export const flowProblems = (
  declarations: readonly FlowDeclaration[],
  context: PolicyContext,
): readonly string[] => {
  const byId = new Map(declarations.map((d) => [flowId(d), d]));
  const problems = declarations
    .filter((d) => byId.get(flowId(d)) !== d)
    .map((d) => `flows: ${flowId(d)} is declared twice; workloads need names of their own`);
  for (const d of declarations) {
    if (context.namespaces[d.layer] === undefined)
      problems.push(`flows: ${flowId(d)}: this stack has no namespace for layer "${d.layer}"`);
    problems.push(...d.calls.flatMap((call) => callProblems(d, call, byId, context)));
  }
  return problems;
};

const callProblems = (
  from: FlowDeclaration,
  call: Call,
  byId: ReadonlyMap<string, FlowDeclaration>,
  context: PolicyContext,
): readonly string[] => {
  if ("workload" in call) {
    const target = byId.get(call.workload);
    if (target === undefined)
      return [`flows: ${flowId(from)} calls "${call.workload}", which is not declared`];
    const open = target.listens.map((l) => l.name);
    return open.includes(call.port)
      ? []
      : [
          `flows: ${flowId(from)} calls port "${call.port}" of ${call.workload}, which listens on ${open.join(", ") || "nothing"}`,
        ];
  }
  // An empty "to" would mean everywhere.
  if ("addresses" in call && call.addresses.cidrs.length === 0) {
    return [`flows: ${flowId(from)} calls port ${String(call.addresses.port)} of no network at all`];
  }
  if ("service" in call && call.service === "kubernetes-api" && context.apiServer.length === 0) {
    return [`flows: ${flowId(from)} calls the Kubernetes API, whose address this stack does not know`];
  }
  return [];
};

/**
 * One default-deny policy per namespace, and one policy per workload with both its directions.
 * @throws Error with all of `flowProblems` in one message.
 */
export const renderPolicies = (
  declarations: readonly FlowDeclaration[],
  context: PolicyContext,
): readonly RenderedPolicy[] => {
  const problems = flowProblems(declarations, context);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const layers = Object.keys(context.namespaces) as Layer[];
  return [...layers.map(defaultDeny), ...declarations.map((d) => workloadPolicy(d, declarations, context))];
};

const defaultDeny = (layer: Layer): RenderedPolicy => ({
  layer,
  name: "default-deny",
  spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
});

const workloadPolicy = (
  d: FlowDeclaration,
  all: readonly FlowDeclaration[],
  context: PolicyContext,
): RenderedPolicy => ({
  layer: d.layer,
  name: d.workload,
  spec: {
    podSelector: { matchLabels: d.selector },
    policyTypes: ["Ingress", "Egress"],
    ingress: d.listens.flatMap((listen) => ingressRules(d, listen, all, context)),
    egress: d.calls.flatMap((call) => egressRules(call, all, context)),
  },
});

const peerOf = (d: FlowDeclaration, context: PolicyContext): Peer => ({
  namespaceSelector: namespaceNamed(context.namespaces[d.layer] ?? ""),
  podSelector: { matchLabels: d.selector },
});

const ingressRules = (
  d: FlowDeclaration,
  listen: Listen,
  all: readonly FlowDeclaration[],
  context: PolicyContext,
): { from?: Peer[]; ports: PolicyPort[] }[] => {
  const ports = [portOf(listen)];
  const id = flowId(d);
  const callers = all.filter((other) =>
    other.calls.some((c) => "workload" in c && c.workload === id && c.port === listen.name),
  );
  const from = callers.map((caller) => peerOf(caller, context));
  if (listen.openTo === "world") from.push({ ipBlock: { cidr: "0.0.0.0/0" } });
  if (listen.openTo === "edge") from.push({ namespaceSelector: namespaceOf("ingress") });
  // An empty "from" would mean everybody.
  return from.length === 0 ? [] : [{ from, ports }];
};

const egressRules = (
  call: Call,
  all: readonly FlowDeclaration[],
  context: PolicyContext,
): { to: Peer[]; ports: PolicyPort[] }[] => {
  if ("workload" in call) {
    const target = all.find((d) => flowId(d) === call.workload);
    const listen = target?.listens.find((l) => l.name === call.port);
    return target === undefined || listen === undefined
      ? []
      : [{ to: [peerOf(target, context)], ports: [portOf(listen)] }];
  }
  if ("internetPorts" in call) {
    return [
      {
        to: [{ ipBlock: { cidr: "0.0.0.0/0", except: [...notInternet] } }],
        ports: call.internetPorts.map(tcp),
      },
    ];
  }
  if ("addresses" in call) {
    const { cidrs, port } = call.addresses;
    return [{ to: cidrs.map((cidr) => ({ ipBlock: { cidr } })), ports: [tcp(port)] }];
  }
  switch (call.service) {
    case "dns":
      return [{ to: [dns], ports: [{ port: 53, protocol: "UDP" }, tcp(53)] }];
    case "kubernetes-api":
      return context.apiServer.map(({ cidr, port }) => ({ to: [{ ipBlock: { cidr } }], ports: [tcp(port)] }));
    case "edge-backends":
      return [
        {
          to: [
            {
              namespaceSelector: namespaceOf("app"),
              podSelector: { matchLabels: { [ownLabel.exposed]: "true" } },
            },
          ],
          ports: [tcp(call.port)],
        },
      ];
  }
};
