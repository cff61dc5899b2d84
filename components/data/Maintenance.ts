import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labels, type FlowDeclaration, type Labels } from "../workload/index.ts";
import { maintenancePod, type MaintenancePodArgs, type MaintenanceParts } from "./maintenancePod.ts";
import { maintenanceScripts } from "./maintenanceScripts.ts";
import { postgresPort } from "./Postgres.ts";

export interface MaintenanceArgs extends MaintenancePodArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  /** Five cron fields. */
  readonly vacuumSchedule: string;
  /** Five cron fields. */
  readonly amcheckSchedule: string;
  /** Of both schedules, e.g. `Etc/UTC`. */
  readonly timeZone: string;
}

const ownLabels = (prefix: string): Labels => labels({ prefix, app: "maintenance", component: "job" });

/** The jobs call the database and nothing else. */
export const maintenanceFlows = (prefix: string): FlowDeclaration => ({
  layer: "data",
  workload: "maintenance",
  selector: ownLabels(prefix).selector,
  listens: [],
  calls: [postgresPort, { service: "dns" }],
});

const hour = 3600;
/** A run that has not begun by then waits for its next time. */
const startingDeadlineSeconds = 6 * hour;

/**
 * Creates what looks after the database by schedule: a weekly VACUUM (ANALYZE) with the application's own clean-up, and
 * a monthly check of every table and index. Both log in as a role that can read no row.
 * State: none; restore: redeploy.
 */
export class Maintenance extends pulumi.ComponentResource {
  constructor(name: string, args: MaintenanceArgs, opts?: pulumi.ComponentResourceOptions) {
    const { vacuumSchedule, amcheckSchedule, timeZone } = args;
    super("platform:data:Maintenance", name, { vacuumSchedule, amcheckSchedule, timeZone }, opts);
    const own = ownLabels(args.prefix);
    const metadata = { namespace: args.namespace, labels: { ...own.all } };
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata: { ...metadata, name: "maintenance" }, automountServiceAccountToken: false },
      { parent: this },
    );
    const scripts = new k8s.core.v1.ConfigMap(
      `${name}-scripts`,
      { metadata, data: { ...maintenanceScripts() } },
      { parent: this },
    );
    const parts = { labels: own, serviceAccount: account.metadata.name, scripts: scripts.metadata.name };
    createCronJob(this, name, args, parts, { job: "vacuum", schedule: vacuumSchedule, hours: 4 });
    createCronJob(this, name, args, parts, { job: "amcheck", schedule: amcheckSchedule, hours: 8 });
    this.registerOutputs({});
  }
}

interface CronSpec {
  readonly job: "vacuum" | "amcheck";
  readonly schedule: string;
  /** Longest run. */
  readonly hours: number;
}

const createCronJob = (
  parent: Maintenance,
  name: string,
  args: MaintenanceArgs,
  parts: MaintenanceParts,
  { job, schedule, hours }: CronSpec,
): k8s.batch.v1.CronJob =>
  new k8s.batch.v1.CronJob(
    `${name}-${job}`,
    {
      metadata: { name: job, namespace: args.namespace, labels: { ...parts.labels.all } },
      spec: {
        schedule,
        timeZone: args.timeZone,
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          spec: {
            backoffLimit: 1,
            activeDeadlineSeconds: hours * hour,
            ttlSecondsAfterFinished: 7 * 24 * hour,
            template: maintenancePod(args, parts, job),
          },
        },
      },
    },
    { parent },
  );
