import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  execProbe,
  hardened,
  ownAnnotation,
  podDefaults,
  resources,
  tcpProbe,
  value,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { redisLayout } from "./layout.ts";
import { keeperUser } from "./keeperScript.ts";
import { probeUser } from "./redisScripts.ts";

type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;
type VolumeMount = k8s.types.input.core.v1.VolumeMount;

/** The program that serves metrics, and how big it is. */
export interface ExporterArgs {
  readonly image: ResolvedImage;
  readonly size: Size;
}

export interface RedisPodArgs {
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly rotation: number;
  readonly keeperSize: Size;
  /** Undefined: nobody reads metrics. */
  readonly exporter: ExporterArgs | undefined;
}

/** The objects that the pod refers to, by name. */
export interface RedisPodParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly config: pulumi.Input<string>;
  /** Secret with `users.acl` and the passwords of our own users. */
  readonly users: pulumi.Input<string>;
  readonly tls: pulumi.Input<string>;
  readonly claim: pulumi.Input<string>;
}

/** Keys of the Secret of an instance. */
export const userKeys = {
  acl: "users.acl",
  keeper: keeperUser,
  probe: "probe",
  /** Address to password, as redis_exporter wants it. */
  metrics: "metrics.json",
} as const;

export const metricsUser = "metrics";
/** The exporter verifies the certificate, so its address must stand in it. */
export const localName = "localhost";
/** The key of the exporter's password map: its address with the user in it. */
export const exporterAddress = `rediss://${metricsUser}@${localName}:${String(redisLayout.port)}`;

const layout = redisLayout;
/** Reading a large append-only file takes minutes. */
const startupSeconds = 30 * 60;
/** Writes are flushed at the end; a rewrite of the file may have to be ended first. */
const graceSeconds = 60;

const configMount: VolumeMount = { name: "config", mountPath: layout.configDirectory, readOnly: true };
// Whole directories, never single files: a file mounted by subPath is not updated.
const tlsMount: VolumeMount = { name: "tls", mountPath: layout.tlsDirectory, readOnly: true };
const aclMount: VolumeMount = { name: "acl", mountPath: layout.aclDirectory, readOnly: true };
const passwordMount = (user: string): VolumeMount => ({
  name: `password-${user}`,
  mountPath: layout.passwordDirectory,
  readOnly: true,
});

/** Pod of one Redis: `redis` serves, `keeper` has it take over new users and certificates, `metrics` counts. */
export const redisPodTemplate = (
  args: RedisPodArgs,
  parts: RedisPodParts,
): k8s.types.input.core.v1.PodTemplateSpec => {
  const secure = hardened({ uid: layout.uid, gid: layout.gid, fsGroup: layout.gid });
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
      initContainers: [
        keeperContainer(base, args),
        ...(args.exporter === undefined ? [] : [exporterContainer(base, args.exporter)]),
      ],
      containers: [serverContainer(base, args)],
      volumes: volumes(parts, args.exporter !== undefined),
    },
  };
};

type Base = Pick<Container, "imagePullPolicy" | "securityContext">;

const serverContainer = (base: Base, args: RedisPodArgs): Container => {
  const asks = (what: "alive" | "ready"): readonly string[] => [
    "sh",
    `${layout.configDirectory}/probe.sh`,
    what,
  ];
  return {
    ...base,
    name: "redis",
    image: args.image.ref,
    command: ["redis-server", `${layout.configDirectory}/redis.conf`],
    ports: [{ name: "redis", containerPort: layout.port, protocol: "TCP" }],
    // While the file is read the server answers LOADING: not ready, and not dead.
    startupProbe: execProbe(asks("ready"), allowing(startupSeconds)),
    livenessProbe: execProbe(asks("alive"), { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
    readinessProbe: execProbe(asks("ready"), { periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 }),
    resources: resources(args.size, 256),
    volumeMounts: [
      configMount,
      tlsMount,
      aclMount,
      passwordMount(probeUser),
      { name: "data", mountPath: layout.dataDirectory },
    ],
  };
};

/** A sidecar: started before the server, ended after it. */
const keeperContainer = (base: Base, args: RedisPodArgs): Container => ({
  ...base,
  name: "keeper",
  image: args.image.ref,
  restartPolicy: "Always",
  command: ["sh", `${layout.configDirectory}/keeper.sh`],
  resources: resources(args.keeperSize, 64),
  volumeMounts: [configMount, tlsMount, aclMount, passwordMount(keeperUser)],
});

/** A sidecar without a readiness of its own: Redis serves, whoever counts. */
const exporterContainer = (base: Base, exporter: ExporterArgs): Container => ({
  ...base,
  name: "metrics",
  image: exporter.image.ref,
  restartPolicy: "Always",
  env: [
    value("REDIS_ADDR", `rediss://${localName}:${String(layout.port)}`),
    value("REDIS_USER", metricsUser),
    value("REDIS_PASSWORD_FILE", `${layout.passwordDirectory}/${userKeys.metrics}`),
    value("REDIS_EXPORTER_TLS_CA_CERT_FILE", `${layout.tlsDirectory}/ca.crt`),
    value("REDIS_EXPORTER_WEB_LISTEN_ADDRESS", `:${String(layout.metricsPort)}`),
    // Its user may not read the configuration.
    value("REDIS_EXPORTER_CONFIG_COMMAND", "-"),
  ],
  ports: [{ name: "metrics", containerPort: layout.metricsPort, protocol: "TCP" }],
  livenessProbe: tcpProbe("metrics", { periodSeconds: 30 }),
  resources: resources(exporter.size, 64),
  volumeMounts: [tlsMount, passwordMount(metricsUser)],
});

/** Each container sees the one key of the Secret that it needs. */
const volumes = (parts: RedisPodParts, metrics: boolean): Volume[] => {
  const one = (name: string, key: string): Volume => ({
    name,
    secret: { secretName: parts.users, defaultMode: 0o440, items: [{ key, path: key }] },
  });
  return [
    { name: "config", configMap: { name: parts.config, defaultMode: 0o444 } },
    { name: "tls", secret: { secretName: parts.tls, defaultMode: 0o440 } },
    one("acl", userKeys.acl),
    one(`password-${keeperUser}`, userKeys.keeper),
    one(`password-${probeUser}`, userKeys.probe),
    ...(metrics ? [one(`password-${metricsUser}`, userKeys.metrics)] : []),
    { name: "data", persistentVolumeClaim: { claimName: parts.claim } },
  ];
};
