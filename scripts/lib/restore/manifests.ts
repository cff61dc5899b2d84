/**
 * Pods of a restore, made from the pods that `pulumi up` made for backups and drills: same image, environment, volumes
 * and policies, another script. Pure.
 */

import { UserError } from "../user-error.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Target {
  readonly backup: string;
  readonly time: string | undefined;
}

const object = (value: unknown, what: string): Json => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UserError(`${what}: not as pulumi up makes it; run pulumi up first`);
  return value as Json;
};
const objects = (value: unknown, what: string): readonly Json[] =>
  (Array.isArray(value) ? value : []).map((one) => object(one, what));

/** The pod template and the labels of a CronJob. */
const templateOf = (cronJob: Json): { readonly labels: Json; readonly spec: Json } => {
  const name = String(object(cronJob["metadata"], "CronJob")["name"]);
  const job = object(object(object(cronJob["spec"], name)["jobTemplate"], name)["spec"], name);
  const template = object(job["template"], name);
  return {
    labels: object(object(template["metadata"], name)["labels"], name),
    spec: object(template["spec"], name),
  };
};

const targetEnv = ({ backup, time }: Target): readonly Json[] => [
  { name: "PLATFORM_RESTORE_BACKUP", value: backup },
  { name: "PLATFORM_RESTORE_TIME", value: time ?? "" },
];

/** The arguments of `env` for a script that is run in a pod that exists. */
export const targetArgs = ({ backup, time }: Target): readonly string[] => [
  `PLATFORM_RESTORE_BACKUP=${backup}`,
  `PLATFORM_RESTORE_TIME=${time ?? ""}`,
];

const scripts = "/etc/platform/postgres";
const only = (containers: readonly Json[]): Json => {
  const [first] = containers;
  if (first === undefined) throw new UserError("CronJob: without a container; run pulumi up first");
  return first;
};

/** Longest restore. */
const deadlineSeconds = 24 * 3600;
export const inPlaceName = "restore-in-place";
export const scratchName = "restore-scratch";

/**
 * Job that replaces the database's data. Its database does not run, so it takes the memory that the database has, and
 * writes to the volumes that a backup only reads.
 */
export const inPlaceJob = (backupCron: Json, databaseResources: Json, target: Target): Json => {
  const { labels, spec } = templateOf(backupCron);
  const container = only(objects(spec["containers"], "containers"));
  const mounts = objects(container["volumeMounts"], "volumeMounts");
  const writable = ["data", "wal"];
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: inPlaceName,
      namespace: object(backupCron["metadata"], "CronJob")["namespace"],
      labels,
    },
    spec: {
      // Half a restore is looked at by a person before another begins.
      backoffLimit: 0,
      activeDeadlineSeconds: deadlineSeconds,
      template: {
        metadata: { labels },
        spec: {
          ...spec,
          // Where the database was; it is not there now.
          affinity: undefined,
          initContainers: undefined,
          containers: [
            {
              ...container,
              name: "restore",
              command: ["bash", `${scripts}/restore-in-place.sh`],
              env: [...objects(container["env"], "env"), ...targetEnv(target)],
              resources: databaseResources,
              volumeMounts: mounts.map((mount) =>
                writable.includes(String(mount["name"])) ? { ...mount, readOnly: false } : mount,
              ),
            },
          ],
        },
      },
    },
  };
};

/** Pod that restores into a volume which is gone with the pod, and serves it on a socket. */
export const scratchPod = (drillCron: Json, sizeGiB: number, target: Target): Json => {
  const { labels, spec } = templateOf(drillCron);
  const container = only(objects(spec["containers"], "containers"));
  const resources = object(container["resources"], "resources");
  const limits = object(resources["limits"], "limits");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: scratchName, namespace: object(drillCron["metadata"], "CronJob")["namespace"], labels },
    spec: {
      ...spec,
      containers: [
        {
          ...container,
          name: "restore",
          command: ["bash", `${scripts}/restore-scratch.sh`],
          env: [...objects(container["env"], "env"), ...targetEnv(target)],
          resources: {
            ...resources,
            limits: { ...limits, "ephemeral-storage": `${String(sizeGiB + 1)}Gi` },
          },
          readinessProbe: { exec: { command: ["test", "-e", "/tmp/.restored"] }, periodSeconds: 2 },
        },
      ],
      volumes: objects(spec["volumes"], "volumes").map((volume) =>
        volume["name"] === "restored"
          ? { name: "restored", emptyDir: { sizeLimit: `${String(sizeGiB)}Gi` } }
          : volume,
      ),
    },
  };
};
