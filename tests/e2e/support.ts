import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { execute, host, onHost, type Result } from "../../rig/stack.ts";
import { platformDirectory, platformHost, platformStack } from "./setup.ts";

export { execute, host, onHost, platformHost };

/** Arguments of `up` for host and cluster only, without what stands on them. */
export const bootstrapTargets: readonly string[] = [
  "::platform",
  "platform-cluster**",
  "platform-host**",
].flatMap((urn) => ["--target", `**${urn}`]);

/** The stack that setup.ts brought up. */
export const platform = platformStack;

/** Repeats `probe` until it returns a value or the deadline passes; the error names what was waited for. */
export const until = async <T>(
  what: string,
  seconds: number,
  probe: () => Promise<T | undefined>,
): Promise<T> => {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error: unknown) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${String(seconds)} s for ${what}; last: ${String(last)}`);
    await new Promise((next) => setTimeout(next, 500)); // between two looks, never instead of one
  }
};

/** kubectl on the platform's host; rejects when it fails. */
export const kubectl = (...args: string[]): Promise<string> =>
  onHost(platformHost, "k3s", "kubectl", ...args);

/** Namespaces of the stack `local`. */
export const namespace = {
  data: "hc-local-data",
  cache: "hc-local-cache",
  app: "hc-local-app",
  ingress: "hc-local-ingress",
  monitoring: "hc-local-monitoring",
  drill: "hc-local-drill",
} as const;

/** Runs a command in a pod's container. */
export const inPod = (space: string, pod: string, container: string, ...command: string[]): Promise<string> =>
  kubectl("-n", space, "exec", pod, "-c", container, "--", ...command);

interface PodJson {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Names of the pods of that application that are ready and not about to end. */
export const servingPods = async (space: string, app: string): Promise<readonly string[]> => {
  const label = `app.kubernetes.io/name=${app}`;
  const pods = JSON.parse(await kubectl("-n", space, "get", "pods", "-l", label, "-o", "json")) as {
    readonly items: readonly PodJson[];
  };
  const isServing = ({ metadata, status }: PodJson): boolean =>
    metadata.deletionTimestamp === undefined &&
    (status.conditions ?? []).some(({ type, status: state }) => type === "Ready" && state === "True");
  return pods.items.filter(isServing).map(({ metadata }) => metadata.name);
};

/** One of them. */
export const servingPod = (space: string, app: string): Promise<string> =>
  until(`a serving pod of ${app}`, 60, async () => (await servingPods(space, app))[0]);

/**
 * Takes pods away by force: those named, or chosen by `-l`. The API server forgets them at once, their programs serve
 * on for seconds: returns when they are dead, so what answers from then on is new.
 */
export const killPods = async (space: string, ...which: readonly string[]): Promise<void> => {
  const columns = ["--no-headers", "-o", "custom-columns=UID:.metadata.uid"];
  const uids = (await kubectl("-n", space, "get", "pods", ...which, ...columns)).split("\n");
  const pattern = uids.join("|");
  if (!/^[0-9a-f-]+(\|[0-9a-f-]+)*$/.test(pattern)) throw new Error(`no pod to kill: ${which.join(" ")}`);
  const living = (): Promise<string> =>
    onHost(platformHost, "bash", "-c", `grep -lsE '${pattern}' /proc/[0-9]*/cgroup || true`);
  if ((await living()) === "") throw new Error(`no program of ${which.join(" ")} is seen on the host`);
  await kubectl("-n", space, "delete", "pods", ...which, "--grace-period=0", "--force", "--wait=false");
  await until(`the programs of ${which.join(" ")} to be dead`, 60, async () =>
    (await living()) === "" ? true : undefined,
  );
};

/** SQL as the superuser inside the database pod, by the local socket. */
export const sql = (statement: string, database = "userdb"): Promise<string> =>
  inPod(
    namespace.data,
    "postgres-0",
    "postgres",
    "psql",
    "-h",
    "/var/run/postgresql",
    "-U",
    "postgres",
    "-d",
    database,
    "-At",
    "-c",
    statement,
  );

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What a client has to know, asked once for each file of tests: the engine takes a second to answer. */
interface Entrance {
  readonly url: string;
  /** File with the CA's certificate. */
  readonly authority: string;
}
let entrance: Promise<Entrance> | undefined;

const findEntrance = async (): Promise<Entrance> => {
  const { apiUrl, caCertificate } = await platform().outputs();
  const authority = join(platformDirectory, "ca.crt");
  writeFileSync(authority, String(caCertificate));
  return { url: String(apiUrl), authority };
};

/** A request through the ingress, verified with the platform's CA, from outside the host. */
export const request = async (path: string, ...extra: string[]): Promise<Answer> => {
  entrance ??= findEntrance().catch((error: unknown) => {
    entrance = undefined;
    throw error;
  });
  const { url: base, authority } = await entrance;
  const url = new URL(path, base);
  const address = await host("ip", platformHost); // another one after a loss of the machine
  const target = ["--resolve", `${url.hostname}:443:${address}`];
  const result = await execute("curl", [
    "--silent",
    "--show-error",
    "--max-time",
    "20",
    "--cacert",
    authority,
    ...target,
    "--write-out",
    "\n%{http_code}",
    ...extra,
    url.href,
  ]);
  if (result.code !== 0) throw new Error(`curl ${url.href}: ${result.stderr}`);
  const cut = result.stdout.lastIndexOf("\n");
  return { status: Number(result.stdout.slice(cut + 1)), body: result.stdout.slice(0, cut) };
};

/** Waits until the API answers 200 with a working database. */
export const untilHealthy = (seconds: number): Promise<Answer> =>
  until("a healthy API behind the ingress", seconds, async () => {
    const answer = await request("/health/api");
    return answer.status === 200 ? answer : undefined;
  });

/** The result of a command that has to succeed. @throws Error with its output when it did not */
export const succeeded = (result: Result): Result => {
  if (result.code !== 0)
    throw new Error(`ended with ${String(result.code)}:\n${result.stdout}\n${result.stderr}`);
  return result;
};
