import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { ownLabel, prefixed, type Layer, type ResolvedImage, type Size } from "../workload/index.ts";
import { monitoringLabels, type MonitoringPart } from "./layout.ts";

/** What every part of monitoring is told. */
export interface MonitoringPartArgs {
  readonly prefix: string;
  /** Full name of the namespace, as a plain string. */
  readonly namespaceName: string;
  /** The same name from the created namespace, for order. */
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  /** Raise it to restart the part. */
  readonly rotation: number;
}

/** A namespace that is watched, by its full name from the created one. */
export type Watched = Readonly<Partial<Record<Layer, pulumi.Input<string>>>>;

export const metadata = (
  args: Pick<MonitoringPartArgs, "prefix" | "namespace">,
  part: MonitoringPart,
  name?: string,
): { namespace: pulumi.Input<string>; labels: Readonly<Record<string, string>>; name?: string } => ({
  ...(name === undefined ? {} : { name }),
  namespace: args.namespace,
  labels: monitoringLabels(args.prefix, part).all,
});

export const createAccount = (
  parent: pulumi.Resource,
  name: string,
  args: MonitoringPartArgs,
  part: MonitoringPart,
): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, part, part), automountServiceAccountToken: false },
    { parent },
  );

/** A Service for people (port-forward) and for Prometheus; scrapes go to the pods. */
export const createService = (
  parent: pulumi.Resource,
  name: string,
  args: MonitoringPartArgs,
  part: MonitoringPart,
  port: { readonly name: string; readonly port: number },
): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${name}-service`,
    {
      metadata: {
        ...metadata(args, part, part),
        annotations: { "pulumi.com/skipAwait": "true" },
      },
      spec: {
        type: "ClusterIP",
        selector: monitoringLabels(args.prefix, part).selector,
        ports: [{ name: port.name, port: port.port, targetPort: port.name, protocol: "TCP" }],
      },
    },
    { parent },
  );

interface PolicyRule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

const apiGroup = "rbac.authorization.k8s.io";
export const reading = ["get", "list", "watch"];

/** One Role and its binding in each watched namespace: nothing that is not this stack's can be read. */
export const createRoles = (
  parent: pulumi.Resource,
  name: string,
  args: MonitoringPartArgs & { readonly watched: Watched },
  part: MonitoringPart,
  rules: PolicyRule[],
): pulumi.Resource[] =>
  Object.entries(args.watched).flatMap(([layer, namespace]) => {
    const role = new k8s.rbac.v1.Role(
      `${name}-role-${layer}`,
      { metadata: metadata({ ...args, namespace }, part, part), rules },
      { parent },
    );
    const binding = new k8s.rbac.v1.RoleBinding(
      `${name}-binding-${layer}`,
      {
        metadata: metadata({ ...args, namespace }, part, part),
        subjects: [{ kind: "ServiceAccount", name: part, namespace: args.namespaceName }],
        roleRef: { apiGroup, kind: "Role", name: role.metadata.name },
      },
      { parent },
    );
    return [role, binding];
  });

/** Rights on what has no namespace. */
export const createClusterRole = (
  parent: pulumi.Resource,
  name: string,
  args: MonitoringPartArgs,
  part: MonitoringPart,
  rules: PolicyRule[],
): pulumi.Resource[] => {
  const meta = {
    name: prefixed(args.prefix, part),
    labels: { ...monitoringLabels(args.prefix, part).all, [ownLabel.owner]: args.prefix },
  };
  const role = new k8s.rbac.v1.ClusterRole(`${name}-cluster-role`, { metadata: meta, rules }, { parent });
  const binding = new k8s.rbac.v1.ClusterRoleBinding(
    `${name}-cluster-binding`,
    {
      metadata: meta,
      subjects: [{ kind: "ServiceAccount", name: part, namespace: args.namespaceName }],
      roleRef: { apiGroup, kind: "ClusterRole", name: role.metadata.name },
    },
    { parent },
  );
  return [role, binding];
};

/** A claim of its own, kept when the workload goes. */
export const claimSpec = (
  storageClass: pulumi.Input<string>,
  sizeGiB: number,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec => ({
  accessModes: ["ReadWriteOnce"],
  storageClassName: storageClass,
  resources: { requests: { storage: `${String(sizeGiB)}Gi` } },
});
