import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

export interface ClusterProviderArgs {
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /**
   * Constant from the first day, and known at once: without it a changed kubeconfig, and with an unknown one any run,
   * would replace every object in the cluster.
   */
  readonly identifier: string;
  /**
   * Objects that exist already are taken over instead of being an error, and so are fields of theirs that an earlier
   * run of this program owns. For a recovery run only: beside that it would hide that two stacks share a name.
   */
  readonly adoptExisting: boolean;
}

/** The way into a cluster for everything that is put there: server-side apply, Secrets changed in place. */
export const clusterProvider = (
  name: string,
  args: ClusterProviderArgs,
  opts: pulumi.CustomResourceOptions,
): k8s.Provider =>
  new k8s.Provider(
    name,
    {
      kubeconfig: args.kubeconfig,
      clusterIdentifier: args.identifier,
      enableServerSideApply: true,
      enableSecretMutable: true,
      kubeClientSettings: { qps: 200, burst: 400 },
      ...(args.adoptExisting ? { upsertExistingObjects: true, enablePatchForce: true } : {}),
    },
    opts,
  );
