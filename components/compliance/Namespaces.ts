import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { dataOpts, ownAnnotation, ownLabel, prefixed, type Layer } from "../workload/index.ts";

export interface NamespaceSpec {
  readonly layer: Layer;
  /** Pods here may do anything to the node, so nothing else may live here. Needs a reason. @default restricted */
  readonly privilegedBecause?: string;
}

export interface NamespacesArgs {
  readonly prefix: string;
  readonly specs: readonly NamespaceSpec[];
  /** `v1.36`: the Pod Security rules do not change under us when the cluster is upgraded. */
  readonly podSecurityVersion: pulumi.Input<string>;
}

/**
 * Creates one namespace per layer, with Pod Security labels, and switches off the automatic mounting of the `default`
 * ServiceAccount's token in each.
 * Does not create policies or quotas. State: none of its own, but a deleted namespace takes all inside with it, so
 * every one is protected and kept on destroy.
 */
export class Namespaces extends pulumi.ComponentResource {
  /** By layer; carries the order "namespace first". */
  public readonly names: Readonly<Partial<Record<Layer, pulumi.Output<string>>>>;

  constructor(name: string, args: NamespacesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:compliance:Namespaces", name, { prefix: args.prefix, specs: args.specs }, opts);
    this.names = Object.fromEntries(
      args.specs.map((spec) => {
        const namespace = createNamespace(this, name, args, spec);
        patchDefaultServiceAccount(this, name, spec.layer, namespace);
        return [spec.layer, namespace.metadata.name] as const;
      }),
    );
    this.registerOutputs({ names: this.names });
  }
}

const createNamespace = (
  parent: Namespaces,
  name: string,
  args: NamespacesArgs,
  spec: NamespaceSpec,
): k8s.core.v1.Namespace => {
  const level = spec.privilegedBecause === undefined ? "restricted" : "privileged";
  return new k8s.core.v1.Namespace(
    `${name}-${spec.layer}`,
    {
      metadata: {
        name: prefixed(args.prefix, spec.layer),
        labels: {
          [ownLabel.layer]: spec.layer,
          [ownLabel.owner]: args.prefix,
          "pod-security.kubernetes.io/enforce": level,
          "pod-security.kubernetes.io/enforce-version": args.podSecurityVersion,
          // What restricted would have said still shows up, also where it is not enforced.
          "pod-security.kubernetes.io/warn": "restricted",
          "pod-security.kubernetes.io/warn-version": args.podSecurityVersion,
          "pod-security.kubernetes.io/audit": "restricted",
          "pod-security.kubernetes.io/audit-version": args.podSecurityVersion,
        },
        ...(spec.privilegedBecause === undefined
          ? {}
          : { annotations: { [ownAnnotation.podSecurityReason]: spec.privilegedBecause } }),
      },
    },
    dataOpts(parent),
  );
};

/** Kubernetes makes the account itself, so it can only be patched; every workload of ours brings its own. */
const patchDefaultServiceAccount = (
  parent: Namespaces,
  name: string,
  layer: Layer,
  namespace: k8s.core.v1.Namespace,
): void => {
  new k8s.core.v1.ServiceAccountPatch(
    `${name}-${layer}-default-account`,
    {
      metadata: { name: "default", namespace: namespace.metadata.name },
      automountServiceAccountToken: false,
    },
    // Undoing the patch at destroy would only fail on a namespace that is going away.
    { parent, deletedWith: namespace, retainOnDelete: true },
  );
};
