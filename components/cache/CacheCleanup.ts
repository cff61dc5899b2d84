import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  hardened,
  labels,
  podDefaults,
  resources,
  type FlowDeclaration,
  type Labels,
  type ResolvedImage,
  type SecretRef,
  type Size,
} from "../workload/index.ts";
import { renderCleanupScript } from "./cleanupScript.ts";
import { dragonflyPort } from "./dragonflyFlows.ts";
import { cleanupUser } from "./dragonflyUsers.ts";
import { dragonflyLayout } from "./layout.ts";

export interface CacheCleanupArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  /** Holds `redis-cli` and a shell. */
  readonly clientImage: ResolvedImage;
  readonly host: string;
  readonly keyPrefix: string;
  readonly password: SecretRef;
  /** Secret with `ca.crt`. */
  readonly tlsSecret: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  readonly size: Size;
}

const service = "cache-cleanup";
/** When few people work. */
const schedule = "45 4 * * *";
const timeZone = "Etc/UTC";
const deadlineSeconds = 15 * 60;

const cleanupLabels = (prefix: string): Labels => labels({ prefix, app: service, component: "job" });

/** Whom the clean-up calls, known before anything exists. */
export const cacheCleanupFlows = (prefix: string): FlowDeclaration => ({
  layer: "cache",
  workload: service,
  selector: cleanupLabels(prefix).selector,
  listens: [],
  calls: [dragonflyPort, { service: "dns" }],
});

/**
 * Creates a job that empties the cache every day at 04:45 UTC, key by key.
 * Does not touch queues. State: none; restore: redeploy.
 */
export class CacheCleanup extends pulumi.ComponentResource {
  constructor(name: string, args: CacheCleanupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:cache:CacheCleanup", name, { schedule }, opts);
    const metadata = { namespace: args.namespace, labels: { ...cleanupLabels(args.prefix).all } };
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata: { ...metadata, name: service }, automountServiceAccountToken: false },
      { parent: this },
    );
    const script = new k8s.core.v1.ConfigMap(
      `${name}-script`,
      {
        metadata,
        data: {
          "cleanup.sh": renderCleanupScript({
            host: args.host,
            user: cleanupUser,
            keyPrefix: args.keyPrefix,
            passwordFile: `${dragonflyLayout.passwordDirectory}/${args.password.key}`,
          }),
        },
      },
      { parent: this },
    );
    new k8s.batch.v1.CronJob(
      `${name}-job`,
      {
        metadata: { ...metadata, name: service },
        spec: cronSpec(args, account.metadata.name, script.metadata.name),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

const cronSpec = (
  args: CacheCleanupArgs,
  serviceAccount: pulumi.Input<string>,
  script: pulumi.Input<string>,
): k8s.types.input.batch.v1.CronJobSpec => ({
  schedule,
  timeZone,
  concurrencyPolicy: "Forbid",
  startingDeadlineSeconds: 3600,
  successfulJobsHistoryLimit: 1,
  failedJobsHistoryLimit: 3,
  jobTemplate: {
    spec: {
      backoffLimit: 2,
      activeDeadlineSeconds: deadlineSeconds,
      ttlSecondsAfterFinished: 24 * 3600,
      template: {
        metadata: { labels: cleanupLabels(args.prefix).all },
        spec: podSpec(args, serviceAccount, script),
      },
    },
  },
});

const podSpec = (
  args: CacheCleanupArgs,
  serviceAccount: pulumi.Input<string>,
  script: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec => {
  const security = hardened({
    uid: dragonflyLayout.uid,
    gid: dragonflyLayout.gid,
    fsGroup: dragonflyLayout.gid,
  });
  const file = (
    name: string,
    secretName: pulumi.Input<string>,
    key: string,
  ): k8s.types.input.core.v1.Volume => ({
    name,
    secret: { secretName, defaultMode: 0o440, items: [{ key, path: key }] },
  });
  return {
    ...podDefaults({ serviceAccount, priorityClass: args.priorityClass, security, graceSeconds: 60 }),
    restartPolicy: "Never",
    containers: [
      {
        name: "cleanup",
        image: args.clientImage.ref,
        imagePullPolicy: "IfNotPresent",
        securityContext: security.container,
        command: ["sh", "/etc/platform/cleanup/cleanup.sh"],
        resources: resources(args.size, 64),
        volumeMounts: [
          { name: "script", mountPath: "/etc/platform/cleanup", readOnly: true },
          { name: "tls", mountPath: dragonflyLayout.tlsDirectory, readOnly: true },
          { name: "password", mountPath: dragonflyLayout.passwordDirectory, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: "script", configMap: { name: script, defaultMode: 0o444 } },
      file("tls", args.tlsSecret, "ca.crt"),
      file("password", args.password.secretName, args.password.key),
    ],
  };
};
