import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  labels,
  prefixed,
  ServerCertificate,
  type CertificateAuthority,
  type CertificateTerm,
} from "../workload/index.ts";
import { edgeLayout } from "./layout.ts";

export interface RouteArgs {
  readonly prefix: string;
  /** What is published, e.g. `api`; with the prefix it names the objects, since stacks share the edge's namespace. */
  readonly role: string;
  /** Public host name. */
  readonly host: string;
  /** Service inside the cluster; it speaks HTTPS. */
  readonly backend: { readonly host: string; readonly port: number };
  /**
   * `verified`: the backend's certificate is of the CA that the edge knows, which is its own stack's. `encrypted`: it is
   * of another one, and network policies alone decide who answers.
   */
  readonly trust: "verified" | "encrypted";
  /** Paths that only administrators may open. */
  readonly internalPaths: readonly string[];
  /** The edge's namespace and class: this stack's own, or the owner's where the cluster is shared. */
  readonly edgeNamespace: pulumi.Input<string>;
  readonly className: pulumi.Input<string>;
  readonly authority: CertificateAuthority;
}

/**
 * Publishes a Service at the edge: certificate, Ingress, and an ExternalName Service that leads into its namespace.
 * All of them live in the edge's namespace, the only one that the proxy may read.
 * State: the private key, encrypted; restore: redeploy.
 */
export class Route extends pulumi.ComponentResource {
  public readonly url: string;
  public readonly certificate: CertificateTerm;

  constructor(name: string, args: RouteArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:ingress:Route", name, { host: args.host, backend: args.backend }, opts);
    const objectName = prefixed(args.prefix, args.role);
    const certificate = new ServerCertificate(
      `${name}-tls`,
      {
        namespace: args.edgeNamespace,
        secretName: `${objectName}-tls`,
        dnsNames: [args.host],
        authority: args.authority,
      },
      { parent: this },
    );
    const target = createTarget(this, name, args, objectName);
    const parts = { serviceName: target.metadata.name, tlsSecret: certificate.secretName };
    createIngress(this, name, args, { ...parts, objectName, suffix: "public", paths: ["/"] });
    if (args.internalPaths.length > 0) {
      createIngress(this, name, args, {
        ...parts,
        objectName,
        suffix: "internal",
        paths: args.internalPaths,
      });
    }
    this.url = `https://${args.host}`;
    this.certificate = certificate.term;
    this.registerOutputs({ url: this.url });
  }
}

const routeLabels = (args: RouteArgs): Readonly<Record<string, string>> =>
  labels({ prefix: args.prefix, app: args.role, component: "route" }).all;

const createTarget = (
  parent: Route,
  name: string,
  args: RouteArgs,
  objectName: string,
): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${name}-target`,
    {
      metadata: {
        name: objectName,
        namespace: args.edgeNamespace,
        labels: routeLabels(args),
        annotations: {
          "traefik.ingress.kubernetes.io/service.serversscheme": "https",
          "traefik.ingress.kubernetes.io/service.serverstransport": `${edgeLayout[args.trust]}@file`,
        },
      },
      spec: {
        type: "ExternalName",
        externalName: `${args.backend.host}.cluster.local`,
        ports: [{ name: "https", port: args.backend.port, protocol: "TCP" }],
      },
    },
    { parent },
  );

interface IngressParts {
  readonly serviceName: pulumi.Output<string>;
  readonly tlsSecret: pulumi.Output<string>;
  readonly objectName: string;
  readonly suffix: "public" | "internal";
  readonly paths: readonly string[];
}

const createIngress = (
  parent: Route,
  name: string,
  args: RouteArgs,
  parts: IngressParts,
): k8s.networking.v1.Ingress =>
  new k8s.networking.v1.Ingress(
    `${name}-${parts.suffix}`,
    {
      metadata: {
        name: parts.suffix === "public" ? parts.objectName : `${parts.objectName}-${parts.suffix}`,
        namespace: args.edgeNamespace,
        labels: routeLabels(args),
        annotations: {
          // No load balancer ever writes an address into it.
          "pulumi.com/skipAwait": "true",
          "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
          ...(parts.suffix === "internal"
            ? { "traefik.ingress.kubernetes.io/router.middlewares": `${edgeLayout.adminsOnly}@file` }
            : {}),
        },
      },
      spec: {
        ingressClassName: args.className,
        tls: [{ hosts: [args.host], secretName: parts.tlsSecret }],
        rules: [
          {
            host: args.host,
            http: {
              paths: parts.paths.map((path) => ({
                path,
                pathType: "Prefix",
                backend: { service: { name: parts.serviceName, port: { number: args.backend.port } } },
              })),
            },
          },
        ],
      },
    },
    { parent },
  );
