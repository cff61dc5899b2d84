import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { hardened, podDefaults, type EnvVar, type Hardened, type ResolvedImage } from "../workload/index.ts";
import { appLayout } from "./layout.ts";

type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;
type PodSpec = k8s.types.input.core.v1.PodSpec;

export interface AppPodArgs {
  readonly image: ResolvedImage;
  readonly env: readonly EnvVar[];
  readonly caConfigMap: pulumi.Input<string>;
  readonly serviceAccount: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  /** Seconds between SIGTERM and SIGKILL: requests and jobs in flight end. */
  readonly graceSeconds: number;
}

export const appSecurity = (): Hardened =>
  hardened({ uid: appLayout.uid, fsGroup: appLayout.uid, writablePaths: [{ path: "/tmp", sizeMiB: 256 }] });

/** The fields that every container of the application's image has. */
export const appContainer = (
  args: AppPodArgs,
): Pick<Container, "image" | "imagePullPolicy" | "securityContext" | "env" | "volumeMounts"> => {
  const security = appSecurity();
  return {
    image: args.image.ref,
    imagePullPolicy: "IfNotPresent",
    securityContext: security.container,
    env: [...args.env],
    volumeMounts: [...security.mounts, { name: "ca", mountPath: appLayout.caDirectory, readOnly: true }],
  };
};

/** The fields that every pod of the application's image has. */
export const appPod = (
  args: AppPodArgs,
): Omit<PodSpec, "containers" | "volumes"> & { readonly volumes: Volume[] } => {
  const security = appSecurity();
  return {
    ...podDefaults({ ...args, security }),
    volumes: [...security.volumes, { name: "ca", configMap: { name: args.caConfigMap, defaultMode: 0o444 } }],
  };
};
