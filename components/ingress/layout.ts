import { labels, prefixed, type FlowDeclaration, type Labels } from "../workload/index.ts";

/** Fixed facts of the edge proxy. */
export const edgeLayout = {
  uid: 65532,
  httpPort: 8000,
  httpsPort: 8443,
  pingPort: 8080,
  metricsPort: 9100,
  staticDirectory: "/etc/traefik",
  dynamicDirectory: "/etc/traefik/dynamic",
  /** Of the certificate that answers where no name matches. */
  certificateDirectory: "/etc/platform/edge-tls",
  controller: "traefik.io/ingress-controller",
  /** Names in the file provider that routes refer to. */
  headers: "security-headers",
  adminsOnly: "admins-only",
  /** How the proxy trusts who is behind a route. */
  verified: "verified",
  encrypted: "encrypted",
} as const;

/** Cluster-wide, so it carries the prefix; the stack that shares the cluster uses the owner's. */
export const ingressClassName = (prefix: string): string => prefixed(prefix, "edge");

export const edgeLabels = (prefix: string): Labels => labels({ prefix, app: "traefik", component: "edge" });

/** What the edge listens on and whom it calls, known before anything exists. */
export const edgeFlows = (prefix: string, backendPort: number): FlowDeclaration => ({
  layer: "ingress",
  workload: "traefik",
  selector: edgeLabels(prefix).selector,
  listens: [
    { name: "http", port: edgeLayout.httpPort, openTo: "world", encrypted: false, carriesPhi: false },
    { name: "https", port: edgeLayout.httpsPort, openTo: "world", encrypted: true, carriesPhi: true },
  ],
  calls: [{ service: "dns" }, { service: "kubernetes-api" }, { service: "edge-backends", port: backendPort }],
});
