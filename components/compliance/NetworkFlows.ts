import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { FlowDeclaration, Layer } from "../workload/index.ts";
import { renderPolicies, type PolicyContext } from "./policies.ts";

export interface NetworkFlowsArgs {
  readonly declarations: readonly FlowDeclaration[];
  readonly context: PolicyContext;
  /** The created namespaces by layer: policies wait for them. */
  readonly namespaces: Readonly<Partial<Record<Layer, pulumi.Input<string>>>>;
}

/**
 * Creates the NetworkPolicies of the whole stack from its declared flows: default-deny per namespace, one policy per
 * workload. They come before any pod, because policies are programmed after a pod has started.
 * Does not cover pods on the host's network (the firewall does). State: none; restore: redeploy.
 */
export class NetworkFlows extends pulumi.ComponentResource {
  constructor(name: string, args: NetworkFlowsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:compliance:NetworkFlows", name, {}, opts);
    for (const policy of renderPolicies(args.declarations, args.context)) {
      const namespace = args.namespaces[policy.layer];
      if (namespace === undefined)
        throw new Error(`flows: ${policy.layer}/${policy.name}: its namespace was not created`);
      new k8s.networking.v1.NetworkPolicy(
        `${name}-${policy.layer}-${policy.name}`,
        {
          metadata: { name: policy.name, namespace },
          spec: policy.spec as k8s.types.input.networking.v1.NetworkPolicySpec,
        },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}
