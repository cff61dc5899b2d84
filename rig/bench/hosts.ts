/** The throw-away host of the benchmarks, and what is measured on it. State held: the host itself. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { host, must, onHost, repository } from "../stack.ts";

const hostScript = join(repository, "rig", "host", "host.sh");

/** Runs a script on the host, on stdin, so that no secret stands in a process list. */
export const remote = (name: string, script: string): Promise<string> =>
  must(hostScript, ["exec", name, "--", "bash", "-euo", "pipefail", "-s"], { input: script });

/** A bare host under this name, booted; one that exists is removed first. */
export const freshHost = async (name: string): Promise<void> => {
  await host("destroy", name);
  await host("create", name);
  await host("start", name);
};

/** Seconds from `start` (milliseconds, Unix) until the node became Ready, as its condition says; whole seconds. */
export const readyAfter = async (name: string, start: number): Promise<number> => {
  const path = '{.status.conditions[?(@.type=="Ready")].lastTransitionTime}';
  const since = await onHost(name, "k3s", "kubectl", "get", "node", name, "-o", `jsonpath=${path}`);
  return (Date.parse(since) - start) / 1000;
};

export interface Memory {
  /** MiB that processes hold and cannot give back. */
  readonly anonymous: number;
  /** MiB that the kubelet would count: with caches in use. */
  readonly workingSet: number;
}

/** Of all processes of the host, from its cgroup (v1 or v2). */
export const memoryOf = (name: string): Memory => {
  const group = ["/sys/fs/cgroup/memory/healthcare-rig", "/sys/fs/cgroup/healthcare-rig"]
    .map((root) => join(root, name))
    .find((path) => existsSync(join(path, "memory.stat")));
  if (group === undefined)
    throw new Error(`no memory cgroup of host ${name}; is the memory controller mounted?`);
  const stat = readFileSync(join(group, "memory.stat"), "utf8");
  const field = (...names: string[]): number => {
    const line = names
      .map((wanted) => new RegExp(`^${wanted} (\\d+)$`, "m").exec(stat)?.[1])
      .find((n) => n !== undefined);
    return Number(line ?? 0);
  };
  const usage = ["memory.usage_in_bytes", "memory.current"]
    .map((file) => join(group, file))
    .find((file) => existsSync(file));
  const used = usage === undefined ? 0 : Number(readFileSync(usage, "utf8"));
  return {
    anonymous: field("total_rss", "anon") / 2 ** 20,
    workingSet: (used - field("total_inactive_file", "inactive_file")) / 2 ** 20,
  };
};
