import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labels, type Call, type FlowDeclaration, type Labels, type Size } from "../workload/index.ts";
import { storeCalls, type ArchiveFlowArgs } from "./archive.ts";
import {
  jobPod,
  keeperPod,
  type BackupParts,
  type BackupPodArgs,
  type PodOf,
  type StreamArgs,
} from "./backupPod.ts";
import { backupScripts } from "./backupScripts.ts";
import { postgresPort, postgresSelector } from "./Postgres.ts";

export interface BackupArgs extends BackupPodArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  /** Five cron fields of the base backup. */
  readonly schedule: string;
  /** Five cron fields of the check of the archived log. */
  readonly verifySchedule: string;
  /** Of both schedules, e.g. `Etc/UTC`. */
  readonly timeZone: string;
  /** Of the pod that makes the first backup by itself; its limit must be enough for one. */
  readonly keeperSize: Size;
  /** Sends the log while it is being written, beside the archive. @default only finished pieces are stored */
  readonly stream?: StreamArgs | undefined;
}

const jobLabels = (prefix: string): Labels => labels({ prefix, app: "backup", component: "job" });
const keeperLabels = (prefix: string): Labels =>
  labels({ prefix, app: "backup-keeper", component: "backup" });

/** Whom the pods around the backups call: the database and the store. */
export const backupFlows = (prefix: string, store: ArchiveFlowArgs): readonly FlowDeclaration[] => {
  const calls: readonly Call[] = [postgresPort, ...storeCalls(store)];
  return [
    { layer: "data", workload: "backup", selector: jobLabels(prefix).selector, listens: [], calls },
    { layer: "data", workload: "backup-keeper", selector: keeperLabels(prefix).selector, listens: [], calls },
  ];
};

/** A run that has not begun by then waits for its next time. */
const startingDeadlineSeconds = 6 * 3600;
/** A slow store (10 MB/s) takes 400 GB in that. */
const backupDeadlineSeconds = 12 * 3600;
const verifyDeadlineSeconds = 3600;

/**
 * Creates what keeps base backups in the store: a daily CronJob with retention, a daily check of the archived log, and
 * a small Deployment that makes the first backup of a fresh or restored cluster at once and, on request, sends the log
 * while it is being written.
 * Does not archive the log: that is the database's own `archiveHook`. State: none here, all of it in the store; restore:
 * the runbook docs/runbooks/restore.md.
 */
export class Backup extends pulumi.ComponentResource {
  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:Backup", name, { schedule: args.schedule, image: args.image.ref }, opts);
    if (args.retainFull < 1)
      throw new Error(
        `data.backup.retainFull: ${String(args.retainFull)} is below 1; the last backup would be deleted`,
      );
    const parts: BackupParts = {
      serviceAccount: createAccount(this, name, args).metadata.name,
      scripts: createScripts(this, name, args).metadata.name,
    };
    const pod: PodOf = {
      args,
      parts,
      labels: jobLabels(args.prefix),
      databaseSelector: postgresSelector(args.prefix),
    };
    createCronJob(
      this,
      name,
      args,
      { script: "backup", objectName: "backup", schedule: args.schedule, seconds: backupDeadlineSeconds },
      pod,
    );
    createCronJob(
      this,
      name,
      args,
      {
        script: "verify",
        objectName: "backup-verify",
        schedule: args.verifySchedule,
        seconds: verifyDeadlineSeconds,
      },
      pod,
    );
    createKeeper(this, name, args, {
      ...pod,
      args: { ...args, size: args.keeperSize },
      labels: keeperLabels(args.prefix),
    });
    this.registerOutputs({});
  }
}

const metadata = (
  args: BackupArgs,
  own: Labels,
  objectName?: string,
): { namespace: pulumi.Input<string>; labels: Record<string, string>; name?: string } => ({
  ...(objectName === undefined ? {} : { name: objectName }),
  namespace: args.namespace,
  labels: { ...own.all },
});

const createAccount = (parent: Backup, name: string, args: BackupArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, jobLabels(args.prefix), "backup"), automountServiceAccountToken: false },
    { parent },
  );

const createScripts = (parent: Backup, name: string, args: BackupArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-scripts`,
    { metadata: metadata(args, jobLabels(args.prefix)), data: { ...backupScripts() } },
    { parent },
  );

interface CronSpec {
  readonly script: "backup" | "verify";
  readonly objectName: string;
  readonly schedule: string;
  /** Longest run. */
  readonly seconds: number;
}

const createCronJob = (
  parent: Backup,
  name: string,
  args: BackupArgs,
  cron: CronSpec,
  pod: PodOf,
): k8s.batch.v1.CronJob =>
  new k8s.batch.v1.CronJob(
    `${name}-${cron.script === "backup" ? "daily" : "verify"}`,
    {
      metadata: metadata(args, jobLabels(args.prefix), cron.objectName),
      spec: {
        schedule: cron.schedule,
        timeZone: args.timeZone,
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          spec: {
            backoffLimit: 2,
            activeDeadlineSeconds: cron.seconds,
            ttlSecondsAfterFinished: 7 * 24 * 3600,
            template: jobPod(pod, cron.script),
          },
        },
      },
    },
    { parent },
  );

const createKeeper = (parent: Backup, name: string, args: BackupArgs, pod: PodOf): k8s.apps.v1.Deployment =>
  new k8s.apps.v1.Deployment(
    `${name}-keeper`,
    {
      metadata: metadata(args, keeperLabels(args.prefix), "backup-keeper"),
      spec: {
        replicas: 1,
        // Never two: both would make a backup.
        strategy: { type: "Recreate" },
        selector: { matchLabels: pod.labels.selector },
        template: keeperPod(pod, args.stream),
      },
    },
    { parent },
  );
