import type * as pulumi from "@pulumi/pulumi";

/**
 * Options of a resource that holds data, or whose deletion would take data with it.
 * `protect` makes the engine refuse a delete or replacement; `retainOnDelete` keeps the object on the cluster
 * should somebody lift the protection. The second is not inherited, so each such resource gets both here.
 */
export const dataOpts = (
  parent: pulumi.Resource,
): { parent: pulumi.Resource; protect: true; retainOnDelete: true } => ({
  parent,
  protect: true,
  retainOnDelete: true,
});
