import type * as pulumi from "@pulumi/pulumi";
import type * as k8s from "@pulumi/kubernetes";
import type { Hardened } from "./hardened.ts";

export interface PodDefaultsArgs {
  readonly serviceAccount: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  readonly security: Hardened;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly graceSeconds: number;
}

type PodDefaults = Required<
  Pick<
    k8s.types.input.core.v1.PodSpec,
    | "serviceAccountName"
    | "automountServiceAccountToken"
    | "enableServiceLinks"
    | "priorityClassName"
    | "securityContext"
    | "terminationGracePeriodSeconds"
  >
>;

/** What every pod of ours has in common. No token of the API server is mounted (who needs one projects it), and service links are off: they create names such as REDIS_PORT=tcp://…. */
export const podDefaults = (args: PodDefaultsArgs): PodDefaults => ({
  serviceAccountName: args.serviceAccount,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  priorityClassName: args.priorityClass,
  securityContext: args.security.pod,
  terminationGracePeriodSeconds: args.graceSeconds,
});
