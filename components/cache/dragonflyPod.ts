import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  hardened,
  httpProbe,
  ownAnnotation,
  podDefaults,
  resources,
  tcpProbe,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { dragonflyFlags } from "./dragonflyFlags.ts";
import { keeperUser } from "./keeperScript.ts";
import { dragonflyLayout } from "./layout.ts";

type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

export interface DragonflyPodArgs {
  readonly image: ResolvedImage;
  /** Holds `redis-cli`, which Dragonfly's own image lacks. */
  readonly clientImage: ResolvedImage;
  readonly size: Size;
  readonly keeperSize: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly rotation: number;
}

/** The objects that the pod refers to, by name. */
export interface DragonflyPodParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  readonly users: pulumi.Input<string>;
  readonly tls: pulumi.Input<string>;
  readonly limitMiB: number;
  readonly threads: number;
}

/** Keys of the Secret with users. */
export const dragonflyKeys = {
  acl: "users.acl",
  keeper: keeperUser,
  /** The password of the user `default`, should the ACL file ever be unreadable: nobody knows it. */
  requirepass: "requirepass",
  cleanup: "cleanup",
} as const;

const layout = dragonflyLayout;
const graceSeconds = 60;

const configMount: VolumeMount = { name: "config", mountPath: layout.configDirectory, readOnly: true };
// Whole directories, never single files: a file mounted by subPath is not updated.
const tlsMount: VolumeMount = { name: "tls", mountPath: layout.tlsDirectory, readOnly: true };
const aclMount: VolumeMount = { name: "acl", mountPath: layout.aclDirectory, readOnly: true };

/** Pod of the cache: `dragonfly` serves, `keeper` has it take over new users and certificates. */
export const dragonflyPodTemplate = (
  args: DragonflyPodArgs,
  parts: DragonflyPodParts,
): k8s.types.input.core.v1.PodTemplateSpec => {
  const secure = hardened({
    uid: layout.uid,
    gid: layout.gid,
    fsGroup: layout.gid,
    writablePaths: [
      { path: layout.dataDirectory, sizeMiB: 16 },
      { path: "/tmp", sizeMiB: 16 },
    ],
  });
  const base = { imagePullPolicy: "IfNotPresent", securityContext: secure.container };
  return {
    metadata: {
      labels: parts.labels.all,
      annotations: { [ownAnnotation.rotation]: String(args.rotation) },
    },
    spec: {
      ...podDefaults({
        serviceAccount: parts.serviceAccount,
        priorityClass: args.priorityClass,
        security: secure,
        graceSeconds,
      }),
      initContainers: [keeperContainer(base, args)],
      containers: [serverContainer(base, args, parts, secure.mounts)],
      volumes: [...secure.volumes, ...volumes(parts)],
    },
  };
};

type Base = Pick<Container, "imagePullPolicy" | "securityContext">;

const serverContainer = (
  base: Base,
  args: DragonflyPodArgs,
  parts: DragonflyPodParts,
  mounts: readonly VolumeMount[],
): Container => ({
  ...base,
  name: "dragonfly",
  image: args.image.ref,
  command: ["dragonfly"],
  args: [...dragonflyFlags(parts)],
  // The one way to give a password that is no argument. Dragonfly reads flags from DFLY_<flag>, and ends on any other DFLY_*.
  env: [
    {
      name: "DFLY_requirepass",
      valueFrom: { secretKeyRef: { name: parts.users, key: dragonflyKeys.requirepass } },
    },
  ],
  ports: [
    { name: "redis", containerPort: layout.port, protocol: "TCP" },
    { name: "metrics", containerPort: layout.adminPort, protocol: "TCP" },
  ],
  startupProbe: httpProbe("/metrics", "metrics", allowing(120)),
  livenessProbe: tcpProbe("metrics", { periodSeconds: 10, failureThreshold: 6 }),
  readinessProbe: httpProbe("/metrics", "metrics", { periodSeconds: 5 }),
  // A limit of processors too: older versions took the number of threads from it.
  resources: resources({ ...args.size, cpuLimitMillis: parts.threads * 1000 }, 256),
  volumeMounts: [...mounts, tlsMount, aclMount],
});

/** A sidecar: started before the server, ended after it. */
const keeperContainer = (base: Base, args: DragonflyPodArgs): Container => ({
  ...base,
  name: "keeper",
  image: args.clientImage.ref,
  restartPolicy: "Always",
  command: ["sh", `${layout.configDirectory}/keeper.sh`],
  resources: resources(args.keeperSize, 64),
  volumeMounts: [
    configMount,
    tlsMount,
    aclMount,
    { name: "password-keeper", mountPath: layout.passwordDirectory, readOnly: true },
  ],
});

/** Each container sees the one key of the Secret that it needs. */
const volumes = (parts: DragonflyPodParts): Volume[] => {
  const one = (name: string, key: string): Volume => ({
    name,
    secret: { secretName: parts.users, defaultMode: 0o440, items: [{ key, path: key }] },
  });
  return [
    { name: "config", configMap: { name: parts.config, defaultMode: 0o444 } },
    { name: "tls", secret: { secretName: parts.tls, defaultMode: 0o440 } },
    one("acl", dragonflyKeys.acl),
    one("password-keeper", dragonflyKeys.keeper),
  ];
};
