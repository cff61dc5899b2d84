import { parse } from "yaml";
import { readFileSync } from "node:fs";

import { clusterOwns } from "../../components/cluster/index.ts";
import { hostOwns, renderFingerprint, type HostSpec } from "../../components/host/index.ts";
import { execute, repository, type RigStack } from "../../rig/stack.ts";
import { join } from "node:path";

interface LocalSettings {
  readonly "platform:prefix": string;
  readonly "platform:vps": HostSpec["minimum"];
  readonly "platform:host": Pick<HostSpec, "hostname" | "timeSync" | "swap" | "cgroupV1">;
  readonly "platform:cluster": Pick<HostSpec, "flannelBackend">;
}

/** The read-only script that describes what the stack's host and cluster layers own on a host. */
const script = (stack: RigStack): string => {
  const settings = (parse(readFileSync(stack.configFile, "utf8")) as { config: LocalSettings }).config;
  const prefix = settings["platform:prefix"];
  const spec: HostSpec = {
    ...settings["platform:host"],
    prefix,
    user: "root",
    dataDirectory: `/srv/${prefix}`,
    flannelBackend: settings["platform:cluster"].flannelBackend,
    minimum: settings["platform:vps"],
    generation: 0,
  };
  return renderFingerprint(prefix, [hostOwns(spec), clusterOwns({ prefix })]);
};

/** One line per file, directory and unit of ours on the stack's host, with hashes in place of content. */
export const fingerprint = async (stack: RigStack): Promise<readonly string[]> => {
  const name = stack.hostName;
  if (name === undefined) throw new Error("this stack has no host");
  const result = await execute(
    join(repository, "rig", "host", "host.sh"),
    ["exec", name, "--", "bash", "-s"],
    { input: script(stack) },
  );
  if (result.code !== 0) throw new Error(`the fingerprint of ${name} failed: ${result.stderr}`);
  return result.stdout
    .split("\n")
    .filter((line) => line.startsWith("/") || line.includes(" unit ") || line.startsWith("hostname "));
};
