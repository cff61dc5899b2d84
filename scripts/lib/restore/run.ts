/** `npm run restore`: list, scratch, in place. */

import { findStack, HostAccess, type StackChoice, type StackPlace } from "../stack-access.ts";
import { UserError } from "../user-error.ts";
import { Cluster, field, type Host, type Json, type Print } from "./cluster.ts";
import { inPlaceJob, inPlaceName, scratchName, scratchPod, targetArgs } from "./manifests.ts";
import { parseOptions, type RestoreOptions } from "./options.ts";
import { startAll, stopAll, type Places } from "./standstill.ts";

interface Context {
  readonly cluster: Cluster;
  readonly options: RestoreOptions;
  readonly prefix: string;
  readonly places: Places;
  readonly drill: string;
  readonly print: Print;
}

const scripts = "/etc/platform/postgres";

type Open = (place: StackPlace, stack: StackChoice) => Promise<Host>;
const openHost: Open = (place, stack) => HostAccess.open(place, stack);

/** Everything about a stack's backups, from its command line. */
export const restore = async (
  argv: readonly string[],
  print: Print,
  { open = openHost, pauseMs = 1000 }: { open?: Open; pauseMs?: number } = {},
): Promise<void> => {
  const options = parseOptions(argv);
  const choice = { name: options.stack, configFile: options.configFile };
  const place = findStack(choice);
  const { prefix } = place;
  refuseOther(options, prefix);
  const host = await open(place, choice);
  const context: Context = {
    cluster: new Cluster(host, print, pauseMs),
    options,
    prefix,
    places: { data: `${prefix}-data`, app: `${prefix}-app` },
    drill: `${prefix}-drill`,
    print,
  };
  const commands = { list, scratch, "remove-scratch": removeScratch, "in-place": inPlace } as const;
  try {
    await commands[options.command](context);
  } finally {
    host.close();
  }
};

/** Runs a script where the backups' keys are, beside a running database. */
const inKeeper = async (
  { cluster, places }: Context,
  script: string,
  env: readonly string[],
): Promise<string> => {
  await cluster.need(
    places.data,
    "deployment/backup-keeper",
    "this stack has no data.backup, or pulumi up has not run",
  );
  const command = ["env", ...env, "bash", `${scripts}/${script}`];
  return cluster.kubectl(["-n", places.data, "exec", "deployment/backup-keeper", "--", ...command], {
    timeoutSeconds: 300,
  });
};

const list = async (context: Context): Promise<void> => {
  context.print((await inKeeper(context, "list.sh", [])).trimEnd());
};

/** A typing error, a missing backup or a wrong key is found while everything still runs. */
const check = async (context: Context): Promise<void> => {
  const keeper = await context.cluster.get(context.places.data, "deployment/backup-keeper");
  if (field(keeper, "spec.replicas") === 0) {
    context.print("  an earlier run was cut off; its work is taken up, the job itself looks for the backup");
    return;
  }
  for (const line of (await inKeeper(context, "restore-check.sh", targetArgs(context.options)))
    .trim()
    .split("\n"))
    context.print(`  ${line}`);
};

const remedy =
  "scratch restores run in the namespace of the drill: set data.backup.drill.enabled and run pulumi up";

const sizeGiB = (claim: Json): number =>
  Number.parseInt(String(field(claim, "spec.resources.requests.storage")), 10);

const scratch = async (context: Context): Promise<void> => {
  const { cluster, drill, print, options } = context;
  const cron = await cluster.need(drill, "cronjob/restore-drill", remedy);
  const claim = await cluster.need(drill, "persistentvolumeclaim/drill-restored", remedy);
  if ((await cluster.get(drill, `pod/${scratchName}`)) !== undefined)
    throw new UserError(`${drill}: there is a ${scratchName} already; remove it first: ... scratch --remove`);
  const began = Date.now();
  await cluster.apply(scratchPod(cron, sizeGiB(claim), options));
  print(`restoring in pod ${drill}/${scratchName}`);
  const log = cluster.follow(drill, `pod/${scratchName}`);
  const state = async (): Promise<string> => {
    const pod = await cluster.get(drill, `pod/${scratchName}`);
    if (["Failed", "Succeeded"].includes(String(field(pod, "status.phase")))) return "ended";
    return field(pod, "status.containerStatuses.0.ready") === true ? "ready" : "busy";
  };
  let last = "busy";
  await cluster.until("the restore", 24 * 3600, async () => (last = await state()) !== "busy");
  if (last === "ended") await log.ended;
  log.stop();
  if (last === "ended") {
    throw new UserError(
      `the restore failed, see above; look at it with: kubectl -n ${drill} logs ${scratchName}`,
    );
  }
  print(
    `restored in ${String(Math.round((Date.now() - began) / 1000))} s; it is reached only from inside its pod, on the host:`,
  );
  print(`  k3s kubectl -n ${drill} exec -it ${scratchName} -- psql -h /tmp -U postgres userdb`);
  print("remove it when you are done: ... scratch --remove");
};

const removeScratch = async ({ cluster, drill, print }: Context): Promise<void> => {
  await cluster.remove(drill, `pod/${scratchName}`);
  print(`removed ${drill}/${scratchName} and what was restored in it`);
};

/** Before anything is asked of the host. */
const refuseOther = ({ command, overwrite, stack }: RestoreOptions, prefix: string): void => {
  if (command === "in-place" && overwrite !== prefix)
    throw new UserError(
      `--overwrite: "${overwrite ?? ""}" is not the prefix of ${stack}; its database stays as it is`,
    );
};

const inPlace = async (context: Context): Promise<void> => {
  const { cluster, places, options, print } = context;
  const cron = await cluster.need(places.data, "cronjob/backup", "this stack has no data.backup");
  const server = await cluster.need(places.data, "statefulset/postgres", "run pulumi up first");
  const containers = field(server, "spec.template.spec.containers") as readonly Json[];
  const resources = containers.find((one) => one["name"] === "postgres")?.["resources"] as Json;
  print(
    `replacing the database of ${options.stack} by ${options.backup}${options.time === undefined ? "" : ` as of ${options.time}`}`,
  );
  await check(context);
  const began = Date.now();
  await stopAll(cluster, places, print);
  await cluster.remove(places.data, `job/${inPlaceName}`);
  await cluster.apply(inPlaceJob(cron, resources, options));
  await cluster.follow(places.data, `job/${inPlaceName}`).ended;
  const restored = await ended(cluster, places.data);
  if (!restored) {
    print("the restore failed; the database that was there goes on");
    await startAll(cluster, places, print);
    throw new UserError(`nothing was replaced; see: kubectl -n ${places.data} logs job/${inPlaceName}`);
  }
  await startAll(cluster, places, print);
  print(`the database serves again after ${String(Math.round((Date.now() - began) / 1000))} s`);
  await newBackup(context);
  await cluster.remove(places.data, `job/${inPlaceName}`);
};

const ended = async (cluster: Cluster, namespace: string): Promise<boolean> => {
  let succeeded = false;
  await cluster.until("the restore job", 24 * 3600, async () => {
    const job = await cluster.get(namespace, `job/${inPlaceName}`);
    succeeded = Number(field(job, "status.succeeded") ?? 0) > 0;
    return succeeded || Number(field(job, "status.failed") ?? 0) > 0;
  });
  return succeeded;
};

/** The restored database is on a new timeline, which has no base backup yet. */
const newBackup = async ({ cluster, places, print }: Context): Promise<void> => {
  print("waiting for its first base backup");
  await cluster.until("the base backup of the new timeline", 12 * 3600, async () => {
    const name = "deployment/backup-keeper";
    const looked = await cluster
      .kubectl(["-n", places.data, "exec", name, "--", "test", "-e", "/tmp/backed-up"])
      .catch((error: unknown) => error);
    return typeof looked === "string";
  });
  print("done");
};
