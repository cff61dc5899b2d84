/**
 * Flows: what a workload listens on and whom it calls. One list gives NetworkPolicies, the reachability matrix and
 * the data-flow inventory. What is not declared here does not pass.
 */

export type Protocol = "TCP" | "UDP";

/** The layers that have a namespace of their own in each stack. */
export type Layer = "data" | "cache" | "app" | "ingress" | "monitoring" | "node" | "drill";

export interface Listen {
  /** Name of the port within the workload; callers refer to it. */
  readonly name: string;
  readonly port: number;
  /** @default "TCP" */
  readonly protocol?: Protocol;
  /**
   * Who may connect beside the callers that name this port:
   * `world` = any address; `edge` = the edge proxy of this cluster, whichever stack owns it.
   * @default nobody
   */
  readonly openTo?: "world" | "edge";
  /** For the inventory: is the hop encrypted, and can patient data pass it? */
  readonly encrypted: boolean;
  readonly carriesPhi: boolean;
}

export type Call =
  /** A port of a workload of this stack, e.g. `{ workload: "data/postgres", port: "postgres" }`. */
  | { readonly workload: string; readonly port: string }
  /** `edge-backends`: every pod, of any stack on the cluster, that is labelled as exposed through the edge. */
  | { readonly service: "edge-backends"; readonly port: number }
  | { readonly service: "dns" | "kubernetes-api" }
  /** TCP ports of public addresses; private ranges stay closed. */
  | { readonly internetPorts: readonly number[] }
  /** One TCP port of named networks: a store or a receiver with a private address. */
  | { readonly addresses: { readonly cidrs: readonly string[]; readonly port: number } };

/** One TCP port of a network. */
export interface AddressedPort {
  readonly cidr: string;
  readonly port: number;
}

/** One workload's declaration. */
export interface FlowDeclaration {
  readonly layer: Layer;
  /** Unique within the layer, e.g. `postgres`; names the NetworkPolicy. */
  readonly workload: string;
  /** Selects its pods. */
  readonly selector: Readonly<Record<string, string>>;
  readonly listens: readonly Listen[];
  readonly calls: readonly Call[];
}

/** `data/postgres`: how other workloads refer to this one. */
export const flowId = (declaration: Pick<FlowDeclaration, "layer" | "workload">): string =>
  `${declaration.layer}/${declaration.workload}`;
