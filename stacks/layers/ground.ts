import {
  ClusterDefaults,
  Namespaces,
  NetworkFlows,
  type NamespaceSpec,
} from "../../components/compliance/index.ts";
import { firstAddress, prefixed } from "../../components/workload/index.ts";
import type { PlatformConfig } from "../config.ts";
import { platformFlows } from "../flows.ts";
import { owns, type Build, type Ground } from "./build.ts";

/** As a pod sees the API server: its Service address, and the node's own, which is what remains after translation. */
const apiServerAddresses = (config: PlatformConfig): readonly { cidr: string; port: number }[] =>
  config.cluster.source === "own"
    ? [
        { cidr: `${firstAddress(config.cluster.serviceCidr)}/32`, port: 443 },
        { cidr: `${config.cluster.nodeIp}/32`, port: 6443 },
      ]
    : [];

const layersOf = (config: PlatformConfig): readonly NamespaceSpec[] => [
  { layer: "data" },
  { layer: "app" },
  ...(owns(config)
    ? [
        {
          layer: "ingress",
          privilegedBecause: "Traefik binds ports 80 and 443 of the host (hostPort)",
        } as const,
      ]
    : []),
];

/** Classes, namespaces and network policies. */
export const createGround = ({ name, config, foundation, opts }: Build): Ground => {
  const defaults = new ClusterDefaults(`${name}-defaults`, { prefix: config.prefix }, opts);
  const specs = layersOf(config);
  const namespaces = new Namespaces(
    `${name}-namespaces`,
    {
      prefix: config.prefix,
      specs,
      podSecurityVersion: foundation.podSecurityVersion,
    },
    opts,
  );
  const flows = new NetworkFlows(
    `${name}-flows`,
    {
      declarations: platformFlows(config),
      context: {
        namespaces: Object.fromEntries(specs.map(({ layer }) => [layer, prefixed(config.prefix, layer)])),
        apiServer: apiServerAddresses(config),
      },
      namespaces: namespaces.names,
    },
    opts,
  );
  const namespace: Ground["namespace"] = (layer) => {
    const created = namespaces.names[layer];
    if (created === undefined) throw new Error(`this stack has no namespace for layer "${layer}"`);
    return { namespaceName: prefixed(config.prefix, layer), namespace: created };
  };
  return { namespace, defaults, ready: [namespaces, flows] };
};
