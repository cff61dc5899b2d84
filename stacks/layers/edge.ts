import { appLayout, type Api } from "../../components/app/index.ts";
import { Edge, Route } from "../../components/ingress/index.ts";
import type { PlatformConfig } from "../config.ts";
import { owns, type Build, type Ground } from "./build.ts";

const apiHost = (config: PlatformConfig): string => `api.${config.domain}`;

/** Only in the stack that owns the cluster: one machine has one port 443. */
export const createEdge = (
  { name, config, profile, image, authority, opts }: Build,
  ground: Ground,
): Edge | undefined =>
  owns(config)
    ? new Edge(
        `${name}-edge`,
        {
          prefix: config.prefix,
          ...ground.namespace("ingress"),
          image: image("traefik"),
          size: profile.traefik.size,
          priorityClass: ground.defaults.priorityClasses.edge,
          defaultHost: apiHost(config),
          adminCidrs: config.adminCidrs,
          authority,
          rotation: config.ingress.rotation,
        },
        { ...opts, dependsOn: ground.ready },
      )
    : undefined;

/** Publishes the API, at our own edge or at that of the cluster's owner. */
export const createRoute = (
  { name, config, authority, foundation, opts }: Build,
  ground: Ground,
  api: Api,
  edge: Edge | undefined,
): Route => {
  const target =
    edge === undefined
      ? foundation.foreignEdge
      : { namespace: ground.namespace("ingress").namespace, className: edge.className };
  if (target === undefined)
    throw new Error("cluster: neither this stack nor another one has an edge to publish at");
  return new Route(
    `${name}-route`,
    {
      prefix: config.prefix,
      role: "api",
      host: apiHost(config),
      backend: api.endpoint,
      trust: edge === undefined ? "encrypted" : "verified",
      internalPaths: appLayout.internalPaths,
      edgeNamespace: target.namespace,
      className: target.className,
      authority,
    },
    { ...opts, dependsOn: [api, ...(edge === undefined ? [] : [edge])] },
  );
};
