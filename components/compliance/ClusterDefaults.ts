import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ownLabel, prefixed } from "../workload/index.ts";

export interface ClusterDefaultsArgs {
  readonly prefix: string;
  /** Another stack owns the cluster, and everything of that one goes before everything of this one. */
  readonly isGuest: boolean;
}

/**
 * Who is scheduled first and evicted last when the node has no room for all. The order is fixed: data, edge, app,
 * cache, jobs.
 */
export const priorities = { data: 100_000, edge: 90_000, app: 80_000, cache: 70_000, jobs: 10_000 } as const;
export type PriorityName = keyof typeof priorities;

/** A guest's highest priority is below the owner's lowest, so its database pushes out no cache of the owner. */
const guestDivisor = 100;
/** Value of the PriorityClass; a change replaces the class. */
export const priorityOf = (role: PriorityName, isGuest: boolean): number =>
  isGuest ? priorities[role] / guestDivisor : priorities[role];

/**
 * Creates the cluster-wide objects of this stack: a StorageClass that keeps volumes, and PriorityClasses. All carry
 * the stack's prefix, because another stack may share the cluster.
 * State: none; the StorageClass is protected, since a change of its parameters replaces it.
 */
export class ClusterDefaults extends pulumi.ComponentResource {
  public readonly storageClass: pulumi.Output<string>;
  public readonly priorityClasses: Readonly<Record<PriorityName, pulumi.Output<string>>>;

  constructor(name: string, args: ClusterDefaultsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:compliance:ClusterDefaults", name, args, opts);
    this.storageClass = createStorageClass(this, name, args.prefix).metadata.name;
    const classOf = (role: PriorityName): pulumi.Output<string> =>
      createPriorityClass(this, name, args, role).metadata.name;
    this.priorityClasses = {
      data: classOf("data"),
      edge: classOf("edge"),
      app: classOf("app"),
      cache: classOf("cache"),
      jobs: classOf("jobs"),
    };
    this.registerOutputs({ storageClass: this.storageClass });
  }
}

/** `local` volumes (not hostPath) honour fsGroup; Retain keeps the files when a claim goes away. */
const createStorageClass = (
  parent: ClusterDefaults,
  name: string,
  prefix: string,
): k8s.storage.v1.StorageClass =>
  new k8s.storage.v1.StorageClass(
    `${name}-storage-retain`,
    {
      metadata: {
        name: prefixed(prefix, "retain"),
        labels: { [ownLabel.owner]: prefix },
        annotations: { defaultVolumeType: "local" },
      },
      provisioner: "rancher.io/local-path",
      reclaimPolicy: "Retain",
      volumeBindingMode: "WaitForFirstConsumer",
      // A local volume enforces no size: to raise it changes a number. To lower it the API server refuses, also in a preview.
      allowVolumeExpansion: true,
    },
    { parent, protect: true },
  );

const createPriorityClass = (
  parent: ClusterDefaults,
  name: string,
  { prefix, isGuest }: ClusterDefaultsArgs,
  role: PriorityName,
): k8s.scheduling.v1.PriorityClass =>
  new k8s.scheduling.v1.PriorityClass(
    `${name}-priority-${role}`,
    {
      metadata: { name: prefixed(prefix, role), labels: { [ownLabel.owner]: prefix } },
      value: priorityOf(role, isGuest),
      globalDefault: false,
      // Jobs wait for room; they never push a running service out.
      preemptionPolicy: role === "jobs" ? "Never" : "PreemptLowerPriority",
      description: `${role} of ${prefix}`,
    },
    { parent },
  );
