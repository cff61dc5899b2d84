import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  dataOpts,
  hardened,
  labels,
  podDefaults,
  resources,
  value,
  type FlowDeclaration,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { archiveCalls, storeVolume, type ArchiveFlowArgs } from "./archive.ts";
import { backupScripts, evidenceRoot, restoreRoot } from "./backupScripts.ts";
import { postgresLayout } from "./layout.ts";
import { walgInstaller, walgSourceEnv, type WalgSource } from "./walgBinary.ts";
import { renderWalgEnv, type WalgSettings } from "./walgEnv.ts";

export interface DrillArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  /** The database's own: libraries and collations must be the same. */
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly storageClass: pulumi.Input<string>;
  /** GiB of the volume that is restored to. */
  readonly storageGiB: number;
  /** Five cron fields. */
  readonly schedule: string;
  readonly timeZone: string;
  readonly store: WalgSettings;
  readonly source: WalgSource;
}

const workload = "restore-drill";
const drillLabels = (prefix: string): Labels => labels({ prefix, app: workload, component: "drill" });

/** Name resolution and the store, nothing else: a drill that could reach production would prove less and risk more. */
export const drillFlows = (prefix: string, store: ArchiveFlowArgs): FlowDeclaration => ({
  layer: "drill",
  workload,
  selector: drillLabels(prefix).selector,
  listens: [],
  calls: archiveCalls(store),
});

/** Two restores of a large database from a slow store. */
const deadlineSeconds = 24 * 3600;
/** GiB of the volume with the verdicts. */
const evidenceGiB = 1;

/**
 * Creates the scheduled proof that the backups can be restored: a CronJob in a namespace of its own restores the newest
 * backup twice, compares every table with the fingerprint that the database wrote into itself, checks all indexes, and
 * leaves a verdict with RPO and RTO, as evidence and as metrics. It fails when anything is not as it should be.
 * Does not reach the database. State: the verdicts (JSON), on a retained volume; restore: they are also in the job's log.
 */
export class Drill extends pulumi.ComponentResource {
  /** Name of the claim with the verdicts. */
  public readonly evidenceClaim: pulumi.Output<string>;

  constructor(name: string, args: DrillArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:Drill", name, { schedule: args.schedule, image: args.image.ref }, opts);
    this.evidenceClaim = createClaim(this, name, args, "evidence", evidenceGiB).metadata.name;
    const parts: DrillParts = {
      serviceAccount: createAccount(this, name, args).metadata.name,
      scripts: createScripts(this, name, args).metadata.name,
      evidence: this.evidenceClaim,
      restored: createClaim(this, name, args, "restored", args.storageGiB).metadata.name,
    };
    createCronJob(this, name, args, parts);
    this.registerOutputs({ evidenceClaim: this.evidenceClaim });
  }
}

interface DrillParts {
  readonly serviceAccount: pulumi.Input<string>;
  readonly scripts: pulumi.Input<string>;
  readonly evidence: pulumi.Input<string>;
  readonly restored: pulumi.Input<string>;
}

const metadata = (
  args: DrillArgs,
  objectName?: string,
): { namespace: pulumi.Input<string>; labels: Record<string, string>; name?: string } => ({
  ...(objectName === undefined ? {} : { name: objectName }),
  namespace: args.namespace,
  labels: { ...drillLabels(args.prefix).all },
});

const createAccount = (parent: Drill, name: string, args: DrillArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, workload), automountServiceAccountToken: false },
    { parent },
  );

const createScripts = (parent: Drill, name: string, args: DrillArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-scripts`,
    { metadata: metadata(args), data: { ...backupScripts() } },
    { parent },
  );

/** What is restored is removed at the end of each run; the volume stays, since a local one cannot be given back empty. */
const createClaim = (
  parent: Drill,
  name: string,
  args: DrillArgs,
  role: "evidence" | "restored",
  sizeGiB: number,
): k8s.core.v1.PersistentVolumeClaim =>
  new k8s.core.v1.PersistentVolumeClaim(
    `${name}-${role}`,
    {
      // Nobody mounts it before the first run, so nobody may wait for it.
      metadata: { ...metadata(args, `drill-${role}`), annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: args.storageClass,
        resources: { requests: { storage: `${String(sizeGiB)}Gi` } },
      },
    },
    dataOpts(parent),
  );

const createCronJob = (
  parent: Drill,
  name: string,
  args: DrillArgs,
  parts: DrillParts,
): k8s.batch.v1.CronJob =>
  new k8s.batch.v1.CronJob(
    `${name}-cron`,
    {
      metadata: metadata(args, workload),
      spec: {
        schedule: args.schedule,
        timeZone: args.timeZone,
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds: 6 * 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          spec: {
            // A verdict is a verdict: a second try must not hide the first.
            backoffLimit: 0,
            activeDeadlineSeconds: deadlineSeconds,
            ttlSecondsAfterFinished: 31 * 24 * 3600,
            template: {
              metadata: { labels: { ...drillLabels(args.prefix).all } },
              spec: podSpec(args, parts),
            },
          },
        },
      },
    },
    { parent },
  );

const security = hardened({
  uid: postgresLayout.uid,
  fsGroup: postgresLayout.uid,
  writablePaths: [
    { path: "/tmp", sizeMiB: 256 },
    { path: "/dev/shm", sizeMiB: 64, medium: "memory" },
  ],
});

const podSpec = (args: DrillArgs, parts: DrillParts): k8s.types.input.core.v1.PodSpec => ({
  // A server that is cut off has to write a checkpoint, though nobody needs it.
  ...podDefaults({ ...parts, priorityClass: args.priorityClass, security, graceSeconds: 60 }),
  restartPolicy: "Never",
  initContainers: walgInstaller(args.source, postgresLayout.uid, {
    name: "evidence",
    mountPath: evidenceRoot,
  }),
  containers: [
    {
      name: "drill",
      image: args.image.ref,
      imagePullPolicy: "IfNotPresent",
      securityContext: security.container,
      command: ["bash", `${postgresLayout.configDirectory}/drill.sh`],
      env: [
        // Half of the memory for wal-g, a quarter for PostgreSQL's buffers.
        ...renderWalgEnv(args.store, Math.floor(memoryMiB(args.size) / 2)),
        ...walgSourceEnv(args.source, evidenceRoot),
        value("PLATFORM_SHARED_BUFFERS_MIB", String(Math.floor(memoryMiB(args.size) / 4))),
      ],
      resources: resources(args.size, 512),
      volumeMounts: [
        ...security.mounts,
        { name: "scripts", mountPath: postgresLayout.configDirectory, readOnly: true },
        { name: "restored", mountPath: restoreRoot },
        { name: "evidence", mountPath: evidenceRoot },
        storeVolume.mount,
      ],
    },
  ],
  volumes: [
    ...security.volumes,
    { name: "scripts", configMap: { name: parts.scripts, defaultMode: 0o444 } },
    { name: "restored", persistentVolumeClaim: { claimName: parts.restored } },
    { name: "evidence", persistentVolumeClaim: { claimName: parts.evidence } },
    storeVolume.volume,
  ],
});

const memoryMiB = ({ memoryMiB: requested, memoryLimitMiB }: Size): number => memoryLimitMiB ?? requested;
