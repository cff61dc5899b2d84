import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { flowId, type AddressedPort, type FlowDeclaration, type Layer } from "../workload/index.ts";
import { renderPolicies, type PolicyContext, type PolicySpec, type RenderedPolicy } from "./policies.ts";

export interface NetworkFlowsArgs {
  readonly declarations: readonly FlowDeclaration[];
  readonly context: Omit<PolicyContext, "apiServer">;
  /** As `PolicyContext.apiServer`; on another stack's cluster it is known only once that is up. */
  readonly apiServer: pulumi.Input<readonly AddressedPort[]>;
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
    for (const policy of renderPolicies(args.declarations, { ...args.context, apiServer: someApiServer })) {
      const namespace = args.namespaces[policy.layer];
      if (namespace === undefined)
        throw new Error(`flows: ${policy.layer}/${policy.name}: its namespace was not created`);
      new k8s.networking.v1.NetworkPolicy(
        `${name}-${policy.layer}-${policy.name}`,
        {
          metadata: { name: policy.name, namespace },
          spec: specOf(args, policy) as pulumi.Input<k8s.types.input.networking.v1.NetworkPolicySpec>,
        },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}

/** Stands for the real one while names and number of the policies are worked out. */
const someApiServer: readonly AddressedPort[] = [{ cidr: "192.0.2.1/32", port: 443 }];

/** Only who calls the API server has to wait until its address is known. */
const specOf = (args: NetworkFlowsArgs, policy: RenderedPolicy): pulumi.Input<PolicySpec> => {
  const wanted = flowId({ layer: policy.layer, workload: policy.name });
  const caller = args.declarations.some(
    (d) => flowId(d) === wanted && d.calls.some((c) => "service" in c && c.service === "kubernetes-api"),
  );
  if (!caller) return policy.spec;
  return pulumi.output(args.apiServer).apply((apiServer) => {
    const policies = renderPolicies(args.declarations, { ...args.context, apiServer });
    return policies.find((p) => p.layer === policy.layer && p.name === policy.name)?.spec ?? policy.spec;
  });
};
