/** Stops what uses a database, and lets it go on as it was. */

import type { Cluster, Print, Workload } from "./cluster.ts";
import { field } from "./cluster.ts";

/** On a stopped workload: how many there were, so that a run that was cut off can be put right by the next one. */
const replicasBefore = "platform.internal/replicas-before-restore";
const suspendedBefore = "platform.internal/suspended-before-restore";

export interface Places {
  readonly data: string;
  readonly app: string;
}

/** In the order in which they stop; they start the other way round. */
const workloadsOf = async (cluster: Cluster, { data, app }: Places): Promise<readonly Workload[]> => [
  ...(await cluster.names(app, "deployments")).map((name) => ({ namespace: app, name })),
  ...(await cluster.names(data, "deployments")).map((name) => ({ namespace: data, name })),
  { namespace: data, name: "statefulset/postgres" },
];

const stopOne = async (cluster: Cluster, { namespace, name }: Workload): Promise<void> => {
  const now = await cluster.get(namespace, name);
  const kept = field(now, "metadata.annotations") as Readonly<Record<string, string>> | undefined;
  const replicas = Number(field(now, "spec.replicas") ?? 1);
  if (kept?.[replicasBefore] === undefined)
    await cluster.kubectl(["-n", namespace, "annotate", name, `${replicasBefore}=${String(replicas)}`]);
  await cluster.kubectl(["-n", namespace, "scale", name, "--replicas=0"]);
};

const startOne = async (cluster: Cluster, { namespace, name }: Workload): Promise<void> => {
  const now = await cluster.get(namespace, name);
  const kept = field(now, "metadata.annotations") as Readonly<Record<string, string>> | undefined;
  const before = kept?.[replicasBefore];
  if (before === undefined) return;
  await cluster.kubectl(["-n", namespace, "scale", name, `--replicas=${before}`]);
  await cluster.kubectl(["-n", namespace, "annotate", name, `${replicasBefore}-`]);
};

const suspend = async (cluster: Cluster, namespace: string, paused: boolean): Promise<void> => {
  for (const name of await cluster.names(namespace, "cronjobs")) {
    const now = await cluster.get(namespace, name);
    const kept = field(now, "metadata.annotations") as Readonly<Record<string, string>> | undefined;
    const marked = kept?.[suspendedBefore] !== undefined;
    if (paused === marked) continue;
    const patch = {
      metadata: {
        annotations: { [suspendedBefore]: paused ? String(field(now, "spec.suspend") === true) : null },
      },
      spec: { suspend: paused || kept?.[suspendedBefore] === "true" },
    };
    await cluster.kubectl([
      "-n",
      namespace,
      "patch",
      name,
      "--type=merge",
      `--patch=${JSON.stringify(patch)}`,
    ]);
  }
};

const podGone = async (cluster: Cluster, namespace: string): Promise<boolean> =>
  (await cluster.get(namespace, "pod/postgres-0")) === undefined;

/** Application, pooler, jobs and database. The database ends cleanly, with its last log archived where the store answers. */
export const stopAll = async (cluster: Cluster, places: Places, print: Print): Promise<void> => {
  print("stopping jobs, application, pooler and database");
  await suspend(cluster, places.data, true);
  for (const workload of await workloadsOf(cluster, places)) await stopOne(cluster, workload);
  await cluster.until("the database to end", 300, () => podGone(cluster, places.data));
};

/** The other way round; waits until the database takes connections before anything else starts. */
export const startAll = async (cluster: Cluster, places: Places, print: Print): Promise<void> => {
  print("starting the database");
  const all = [...(await workloadsOf(cluster, places))].reverse();
  for (const workload of all) {
    await startOne(cluster, workload);
    if (workload.name !== "statefulset/postgres") continue;
    await cluster.until("the database to be ready", 900, async () => {
      const server = await cluster.get(places.data, "statefulset/postgres");
      return Number(field(server, "status.readyReplicas") ?? 0) >= 1;
    });
    print("starting pooler, application and jobs");
  }
  await suspend(cluster, places.data, false);
};
