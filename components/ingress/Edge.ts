import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  ownLabel,
  prefixed,
  ServerCertificate,
  type CertificateAuthority,
  type CertificateTerm,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { edgePod } from "./edgePod.ts";
import { edgeLabels, edgeLayout, ingressClassName } from "./layout.ts";
import { renderTraefikDynamic, renderTraefikStatic } from "./traefikConfig.ts";

export interface EdgeArgs {
  readonly prefix: string;
  readonly namespaceName: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  /** Name in the certificate that answers where no route matches. */
  readonly defaultHost: string;
  readonly adminCidrs: readonly string[];
  readonly authority: CertificateAuthority;
  /** Raise it to restart the proxy. */
  readonly rotation: number;
}

/**
 * Creates the edge of the cluster: Traefik on every node, on ports 80 and 443 of the host, and its IngressClass.
 * It reads routes, Services and Secrets of its own namespace only, never those of the namespaces behind it: so routes
 * are made here (see `Route`), and a proxy that is taken over cannot read the application's secrets.
 * Does not make routes. State: none; restore: redeploy.
 */
export class Edge extends pulumi.ComponentResource {
  public readonly className: pulumi.Output<string>;
  public readonly certificate: CertificateTerm;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:ingress:Edge", name, { image: args.image.ref, defaultHost: args.defaultHost }, opts);
    const certificate = new ServerCertificate(
      `${name}-default`,
      {
        namespace: args.namespace,
        secretName: "edge-default-tls",
        dnsNames: [args.defaultHost],
        authority: args.authority,
      },
      { parent: this },
    );
    const account = createAccount(this, name, args);
    const rights = createRights(this, name, args);
    const config = createConfig(this, name, args);
    this.className = createClass(this, name, args).metadata.name;
    const labels = edgeLabels(args.prefix);
    new k8s.apps.v1.DaemonSet(
      `${name}-traefik`,
      {
        metadata: metadata(args, "traefik"),
        spec: {
          selector: { matchLabels: labels.selector },
          // A second pod could not bind the host's ports: the old one has to go first.
          updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
          template: edgePod(args, {
            labels,
            serviceAccount: account.metadata.name,
            config: config.metadata.name,
            certificate: certificate.secretName,
          }),
        },
      },
      { parent: this, dependsOn: rights, customTimeouts: { create: "15m", update: "15m" } },
    );
    this.certificate = certificate.term;
    this.registerOutputs({ className: this.className });
  }
}

const metadata = (
  args: EdgeArgs,
  objectName?: string,
): { namespace: pulumi.Input<string>; labels: Readonly<Record<string, string>>; name?: string } => ({
  ...(objectName === undefined ? {} : { name: objectName }),
  namespace: args.namespace,
  labels: edgeLabels(args.prefix).all,
});

const createAccount = (parent: Edge, name: string, args: EdgeArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, "traefik"), automountServiceAccountToken: false },
    { parent },
  );

const read = ["get", "list", "watch"];

/** Reading only. Cluster-wide: classes and nodes, which hold no secrets. */
const createRights = (parent: Edge, name: string, args: EdgeArgs): pulumi.Resource[] => {
  const wide = prefixed(args.prefix, "edge");
  const subjects = [{ kind: "ServiceAccount", name: "traefik", namespace: args.namespaceName }];
  const clusterLabels = { ...edgeLabels(args.prefix).all, [ownLabel.owner]: args.prefix };
  const role = new k8s.rbac.v1.Role(
    `${name}-role`,
    {
      metadata: metadata(args, "traefik"),
      rules: [
        { apiGroups: [""], resources: ["services", "secrets"], verbs: read },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: read },
        { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: read },
      ],
    },
    { parent },
  );
  const clusterRole = new k8s.rbac.v1.ClusterRole(
    `${name}-cluster-role`,
    {
      metadata: { name: wide, labels: clusterLabels },
      rules: [
        { apiGroups: [""], resources: ["nodes"], verbs: read },
        { apiGroups: ["networking.k8s.io"], resources: ["ingressclasses"], verbs: read },
      ],
    },
    { parent },
  );
  const apiGroup = "rbac.authorization.k8s.io";
  return [
    new k8s.rbac.v1.RoleBinding(
      `${name}-role-binding`,
      {
        metadata: metadata(args, "traefik"),
        subjects,
        roleRef: { apiGroup, kind: "Role", name: role.metadata.name },
      },
      { parent },
    ),
    new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-cluster-role-binding`,
      {
        metadata: { name: wide, labels: clusterLabels },
        subjects,
        roleRef: { apiGroup, kind: "ClusterRole", name: clusterRole.metadata.name },
      },
      { parent },
    ),
  ];
};

/** Named by the engine: a change makes a new one, and the new name restarts the proxy. */
const createConfig = (parent: Edge, name: string, args: EdgeArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-config`,
    {
      metadata: metadata(args),
      data: {
        "traefik.yaml": renderTraefikStatic({
          tag: args.image.tag,
          namespace: args.namespaceName,
          ingressClass: ingressClassName(args.prefix),
        }),
        "dynamic.yaml": renderTraefikDynamic({ adminCidrs: args.adminCidrs }),
      },
    },
    { parent },
  );

const createClass = (parent: Edge, name: string, args: EdgeArgs): k8s.networking.v1.IngressClass =>
  new k8s.networking.v1.IngressClass(
    `${name}-class`,
    {
      metadata: {
        name: ingressClassName(args.prefix),
        labels: { ...edgeLabels(args.prefix).all, [ownLabel.owner]: args.prefix },
      },
      spec: { controller: edgeLayout.controller },
    },
    { parent },
  );
