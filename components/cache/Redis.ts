import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  dataOpts,
  serviceHost,
  serviceNames,
  ServerCertificate,
  type CertificateAuthority,
  type CertificateTerm,
} from "../workload/index.ts";
import { redisLayout, redisService, type RedisInstance } from "./layout.ts";
import { renderRedisConf } from "./redisConf.ts";
import { redisLabels } from "./redisFlows.ts";
import { localName, redisPodTemplate, type RedisPodArgs, type RedisPodParts } from "./redisPod.ts";
import { renderProbeScript, renderRedisKeeper } from "./redisScripts.ts";
import { createRedisUsers, ownUsers, type RedisClient } from "./redisUsers.ts";

export interface RedisArgs extends RedisPodArgs {
  readonly prefix: string;
  /** Full name of the namespace, as a plain string: it stands in the certificate. */
  readonly namespaceName: string;
  /** The same name from the created namespace, for order. */
  readonly namespace: pulumi.Input<string>;
  readonly instance: RedisInstance;
  /** GiB; local volumes cannot shrink and do not enforce it. */
  readonly storageGiB: number;
  readonly storageClass: pulumi.Input<string>;
  readonly client: RedisClient;
  readonly metricsPassword: pulumi.Output<string>;
  readonly probePassword: pulumi.Output<string>;
  readonly authority: CertificateAuthority;
}

/**
 * Creates one Redis (or Valkey): TLS only, users with rights of their own, append-only file, nothing evicted.
 * Does not replicate and is not backed up: its content is work in progress.
 * State: one retained, protected volume with what waits to be done; restore: mount the volume again.
 * New passwords and a new certificate in config are taken over by the running server, and no client loses its
 * connection; who logs in afterwards needs the new password.
 */
export class Redis extends pulumi.ComponentResource {
  /** `host`, `port` and the name to log in with. */
  public readonly endpoint: { readonly host: string; readonly port: number; readonly user: string };
  public readonly certificate: CertificateTerm;

  constructor(name: string, args: RedisArgs, opts?: pulumi.ComponentResourceOptions) {
    super(
      "platform:cache:Redis",
      name,
      { instance: args.instance, storageGiB: args.storageGiB, image: args.image.ref },
      opts,
    );
    const service = redisService(args.instance);
    checkArgs(service, args);
    const certificate = new ServerCertificate(
      `${name}-tls`,
      {
        namespace: args.namespace,
        secretName: `${service}-tls`,
        dnsNames: [...serviceNames(service, args.namespaceName), localName],
        authority: args.authority,
      },
      { parent: this },
    );
    const parts: RedisPodParts = {
      labels: redisLabels(args.prefix, args.instance),
      serviceAccount: createAccount(this, name, args).metadata.name,
      config: createConfig(this, name, args).metadata.name,
      users: createRedisUsers(this, name, { ...args, metadata: metadata(args, "users") }).metadata.name,
      tls: certificate.secretName,
      claim: createClaim(this, name, args).metadata.name,
    };
    const headless = createService(this, name, args, "headless");
    createService(this, name, args, "cluster");
    createServer(this, name, args, parts, headless.metadata.name);
    this.endpoint = {
      host: serviceHost(service, args.namespaceName),
      port: redisLayout.port,
      user: args.client.user,
    };
    this.certificate = certificate.term;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

/** MiB of data. While the file is written anew the process may hold every page twice. */
export const redisMaxMemoryMiB = ({ size }: Pick<RedisArgs, "size">): number =>
  Math.floor((size.memoryLimitMiB ?? size.memoryMiB) / 2);

const smallestMaxMemoryMiB = 32;

const checkArgs = (service: string, args: RedisArgs): void => {
  const maxMemory = redisMaxMemoryMiB(args);
  const problems = [
    ...(maxMemory >= smallestMaxMemoryMiB
      ? []
      : [
          `${service}: half of its memory limit is ${String(maxMemory)} MiB of data, at least ${String(smallestMaxMemoryMiB)} are needed; give it more memory`,
        ]),
    ...(args.storageGiB >= 1
      ? []
      : [
          `cache.redis.${args.instance}StorageGiB: ${String(args.storageGiB)} is below 1; the file needs room for itself and for its next version`,
        ]),
    ...(ownUsers.includes(args.client.user)
      ? [`${service}: the user name "${args.client.user}" is one of the platform's own`]
      : []),
    ...(args.client.keys.length > 0
      ? []
      : [`${service}: the user "${args.client.user}" may touch no key; name patterns`]),
  ];
  if (problems.length > 0) throw new Error(problems.join("\n"));
};

const metadata = (
  args: RedisArgs,
  role?: string,
): { namespace: pulumi.Input<string>; labels: Record<string, string>; name?: string } => ({
  ...(role === undefined ? {} : { name: `${redisService(args.instance)}${role === "" ? "" : `-${role}`}` }),
  namespace: args.namespace,
  labels: { ...redisLabels(args.prefix, args.instance).all },
});

const createAccount = (parent: Redis, name: string, args: RedisArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, ""), automountServiceAccountToken: false },
    { parent },
  );

/** Named by the engine: a change makes a new one, and the new name restarts the server. */
const createConfig = (parent: Redis, name: string, args: RedisArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-config`,
    {
      metadata: metadata(args),
      data: {
        "redis.conf": renderRedisConf({ layout: redisLayout, maxMemoryMiB: redisMaxMemoryMiB(args) }),
        "probe.sh": renderProbeScript(redisLayout),
        "keeper.sh": renderRedisKeeper(redisLayout),
      },
    },
    { parent },
  );

/** A claim of its own, not a template of the StatefulSet: it can be protected, and the StatefulSet replaced. */
const createClaim = (parent: Redis, name: string, args: RedisArgs): k8s.core.v1.PersistentVolumeClaim =>
  new k8s.core.v1.PersistentVolumeClaim(
    `${name}-data`,
    {
      metadata: metadata(args, "data"),
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: args.storageClass,
        resources: { requests: { storage: `${String(args.storageGiB)}Gi` } },
      },
    },
    dataOpts(parent),
  );

const createService = (
  parent: Redis,
  name: string,
  args: RedisArgs,
  kind: "headless" | "cluster",
): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${name}-${kind}`,
    {
      metadata: {
        ...metadata(args, kind === "headless" ? "pods" : ""),
        annotations: { "pulumi.com/skipAwait": "true" },
      },
      spec: {
        ...(kind === "headless" ? { clusterIP: "None" } : { type: "ClusterIP" }),
        selector: redisLabels(args.prefix, args.instance).selector,
        ports: [{ name: "redis", port: redisLayout.port, targetPort: "redis", protocol: "TCP" }],
      },
    },
    { parent },
  );

const createServer = (
  parent: Redis,
  name: string,
  args: RedisArgs,
  parts: RedisPodParts,
  serviceName: pulumi.Output<string>,
): k8s.apps.v1.StatefulSet =>
  new k8s.apps.v1.StatefulSet(
    `${name}-server`,
    {
      metadata: metadata(args, ""),
      spec: {
        serviceName,
        replicas: 1,
        selector: { matchLabels: parts.labels.selector },
        template: redisPodTemplate(args, parts),
      },
    },
    { ...dataOpts(parent), customTimeouts: { create: "15m", update: "40m" } },
  );
