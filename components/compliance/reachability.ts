import { ownLabel, type FlowDeclaration, type Layer } from "../workload/index.ts";
import type { Peer, PolicyPort, RenderedPolicy, Selector } from "./policies.ts";

/**
 * Who can reach whom, computed from the rendered policies by the rules of Kubernetes, not from the flows they came
 * from: so a mistake of the renderer shows. Pure.
 */

/** A pod, or an address outside the cluster. */
export type Party =
  | {
      readonly name: string;
      readonly layer: Layer;
      readonly namespaceLabels: Readonly<Record<string, string>>;
      readonly labels: Readonly<Record<string, string>>;
    }
  | { readonly name: string; readonly address: string };

export interface MatrixRow {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly allowed: boolean;
}

const matches = (selector: Selector, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(selector.matchLabels ?? {}).every(([key, wanted]) => labels[key] === wanted);

const toNumber = (address: string): number =>
  address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);

/** IPv4 only, like the cluster. */
export const inRange = (address: string, cidr: string): boolean => {
  const [base = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(toNumber(address) / size) === Math.floor(toNumber(base) / size);
};

const peerMatches = (peer: Peer, party: Party, policyLayer: Layer): boolean => {
  if ("address" in party) {
    const block = peer.ipBlock;
    return (
      block !== undefined &&
      inRange(party.address, block.cidr) &&
      !(block.except ?? []).some((e) => inRange(party.address, e))
    );
  }
  // Pod addresses are not stable, so an ipBlock is no promise about a pod, except the one that means everybody.
  if (peer.ipBlock !== undefined)
    return peer.ipBlock.cidr === "0.0.0.0/0" && peer.ipBlock.except === undefined;
  const inNamespace =
    peer.namespaceSelector === undefined
      ? party.layer === policyLayer
      : matches(peer.namespaceSelector, party.namespaceLabels);
  return inNamespace && matches(peer.podSelector ?? {}, party.labels);
};

const portMatches = (ports: readonly PolicyPort[], port: number, protocol: string): boolean =>
  ports.some((p) => p.port === port && p.protocol === protocol);

/** Is one direction allowed for `self`? No policy that selects it means yes, as in Kubernetes. */
const directionAllowed = (
  policies: readonly RenderedPolicy[],
  direction: "Ingress" | "Egress",
  self: Party,
  other: Party,
  port: number,
  protocol: string,
): boolean => {
  if ("address" in self) return true;
  const selecting = policies.filter(
    (p) =>
      p.layer === self.layer &&
      p.spec.policyTypes.includes(direction) &&
      matches(p.spec.podSelector, self.labels),
  );
  if (selecting.length === 0) return true;
  return selecting.some((p) => {
    const rules =
      direction === "Ingress"
        ? (p.spec.ingress ?? []).map((r) => ({ peers: r.from, ports: r.ports }))
        : (p.spec.egress ?? []).map((r) => ({ peers: r.to, ports: r.ports }));
    return rules.some(
      (r) =>
        portMatches(r.ports, port, protocol) &&
        (r.peers === undefined || r.peers.some((peer) => peerMatches(peer, other, p.layer))),
    );
  });
};

/** Does a connection from `from` to `to` pass the policies of both ends? */
export const allowed = (
  policies: readonly RenderedPolicy[],
  from: Party,
  to: Party,
  port: number,
  protocol: "TCP" | "UDP" = "TCP",
): boolean =>
  directionAllowed(policies, "Egress", from, to, port, protocol) &&
  directionAllowed(policies, "Ingress", to, from, port, protocol);

/** The pods that the declarations describe, as the policies will see them. */
export const partiesOf = (
  declarations: readonly FlowDeclaration[],
  namespaces: Readonly<Partial<Record<Layer, string>>>,
): readonly Party[] =>
  declarations.map((d) => ({
    name: `${d.layer}/${d.workload}`,
    layer: d.layer,
    labels: {
      ...d.selector,
      ...(d.listens.some((l) => l.openTo === "edge") ? { [ownLabel.exposed]: "true" } : {}),
    },
    namespaceLabels: { "kubernetes.io/metadata.name": namespaces[d.layer] ?? "", [ownLabel.layer]: d.layer },
  }));

/** Every workload (and a stranger from outside) against every declared port. */
export const reachabilityMatrix = (
  declarations: readonly FlowDeclaration[],
  policies: readonly RenderedPolicy[],
  namespaces: Readonly<Partial<Record<Layer, string>>>,
): readonly MatrixRow[] => {
  const pods = partiesOf(declarations, namespaces);
  const stranger: Party = { name: "world", address: "203.0.113.9" };
  return declarations.flatMap((target, index) =>
    target.listens.flatMap((listen) =>
      [...pods, stranger].flatMap((from) => {
        const to = pods[index];
        if (to === undefined || from === to) return [];
        return [
          {
            from: from.name,
            to: to.name,
            port: listen.port,
            allowed: allowed(policies, from, to, listen.port, listen.protocol),
          },
        ];
      }),
    ),
  );
};
