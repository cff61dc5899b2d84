import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  contentHash,
  envShape,
  resources,
  type EnvVar,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { appContainer, appPod, appSecurity, type AppPodArgs } from "./appPod.ts";
import { appLabels } from "./layout.ts";

export interface MigrationArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  /** Holds `pg_isready`, for the wait before the migration. */
  readonly postgresImage: ResolvedImage;
  readonly databaseHost: string;
  /** Role of the migration; the wait asks with its name. */
  readonly databaseUser: string;
  readonly databasePort: number;
  readonly command: readonly string[];
  readonly env: readonly EnvVar[];
  readonly caConfigMap: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  readonly size: Size;
}

/** Waiting and all tries together. */
const deadlineSeconds = 15 * 60;
const tries = 3;

/**
 * Creates a Job that brings the schema up to date. API and worker depend on it, so a failed migration leaves the old
 * version serving. It runs again only when image, command or the names in its environment change, since its name holds
 * their hash.
 * State: none; restore: redeploy. To run a failed one again without a change: `pulumi up --replace <its URN>`.
 */
export class Migration extends pulumi.ComponentResource {
  constructor(name: string, args: MigrationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:app:Migration", name, { image: args.image.ref, command: args.command }, opts);
    if (args.command.length === 0)
      throw new Error("app.migrationCommand: is empty; name the program that migrates the schema");
    const labels = appLabels(args.prefix, "migration");
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      {
        metadata: { name: "migration", namespace: args.namespace, labels: labels.all },
        automountServiceAccountToken: false,
      },
      { parent: this },
    );
    new k8s.batch.v1.Job(
      `${name}-job`,
      {
        metadata: { name: migrationName(args), namespace: args.namespace, labels: labels.all },
        spec: {
          backoffLimit: tries,
          activeDeadlineSeconds: deadlineSeconds,
          template: { metadata: { labels: labels.all }, spec: jobPod(args, account.metadata.name) },
        },
      },
      { parent: this, customTimeouts: { create: `${String(deadlineSeconds + 300)}s` } },
    );
    this.registerOutputs({});
  }
}

/** `migrate-<hash>`: another definition is another Job. */
export const migrationName = (
  args: Omit<MigrationArgs, "prefix" | "namespace" | "caConfigMap" | "priorityClass">,
): string =>
  `migrate-${contentHash({
    image: args.image.ref,
    wait: [args.postgresImage.ref, args.databaseHost, args.databasePort, args.databaseUser],
    command: args.command,
    env: envShape(args.env),
    size: args.size,
  })}`;

const jobPod = (
  args: MigrationArgs,
  serviceAccount: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec => {
  const pod: AppPodArgs = { ...args, serviceAccount, graceSeconds: 60 };
  return {
    ...appPod(pod),
    restartPolicy: "Never",
    initContainers: [waitForDatabase(args)],
    containers: [
      { ...appContainer(pod), name: "migrate", command: [...args.command], resources: resources(args.size) },
    ],
  };
};

/** Rules for a new pod may be programmed after its start: its first connections can be reset. */
const waitForDatabase = (args: MigrationArgs): k8s.types.input.core.v1.Container => {
  const security = appSecurity();
  // With a name: the user of this container has none, and without one pg_isready does not even try.
  const target = `--host=${args.databaseHost} --port=${String(args.databasePort)} --username=${args.databaseUser}`;
  return {
    name: "wait-for-database",
    image: args.postgresImage.ref,
    imagePullPolicy: "IfNotPresent",
    securityContext: security.container,
    command: ["sh", "-c", `until pg_isready ${target} --timeout=3; do sleep 2; done`],
    resources: resources({ cpuMillis: 10, memoryMiB: 16, memoryLimitMiB: 32 }, 64),
    volumeMounts: security.mounts,
  };
};
