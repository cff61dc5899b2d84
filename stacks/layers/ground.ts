import {
  ClusterDefaults,
  Namespaces,
  NetworkFlows,
  type NamespaceSpec,
} from "../../components/compliance/index.ts";
import { nodeNamespaceReason } from "../../components/observability/index.ts";
import { prefixed } from "../../components/workload/index.ts";
import type { PlatformConfig } from "../config.ts";
import { platformFlows } from "../flows.ts";
import { owns, type Build, type Ground } from "./build.ts";

const layersOf = (config: PlatformConfig): readonly NamespaceSpec[] => [
  { layer: "data" },
  { layer: "cache" },
  { layer: "app" },
  ...(config.monitoring === undefined ? [] : [{ layer: "monitoring" } as const]),
  ...(config.monitoring !== undefined && owns(config)
    ? [{ layer: "node", privilegedBecause: nodeNamespaceReason } as const]
    : []),
  ...(config.data.backup?.drill.enabled === true ? [{ layer: "drill" } as const] : []),
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
  const defaults = new ClusterDefaults(
    `${name}-defaults`,
    { prefix: config.prefix, isGuest: config.cluster.source === "shared" },
    opts,
  );
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
      },
      apiServer: foundation.apiServer,
      namespaces: namespaces.names,
    },
    opts,
  );
  const namespace: Ground["namespace"] = (layer) => {
    const created = namespaces.names[layer];
    if (created === undefined) throw new Error(`this stack has no namespace for layer "${layer}"`);
    return { namespaceName: prefixed(config.prefix, layer), namespace: created };
  };
  return { namespace, layers: specs.map(({ layer }) => layer), defaults, ready: [namespaces, flows] };
};
