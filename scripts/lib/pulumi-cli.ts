/** The pulumi command line, as far as stack:init needs it. Secrets travel on standard input only. */

import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryPath } from "./repository.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run.ts";
import { UserError } from "./user-error.ts";

export interface PulumiStack {
  readonly name: string;
  /** Undefined: Pulumi.<stack>.yaml of this repository. */
  readonly configFile: string | undefined;
  /** Passed to `pulumi stack init`, e.g. a cloud key service. */
  readonly secretsProvider: string | undefined;
}

const pulumi = async (args: readonly string[], options: RunOptions = {}): Promise<string> => {
  const result = await run("pulumi", ["--non-interactive", ...args], {
    cwd: repositoryPath("."),
    ...options,
  });
  if (result.code !== 0) {
    throw new UserError(
      `pulumi ${args.slice(0, 2).join(" ")}: ${result.stderr.trim().replace(/^error: /, "")}`,
    );
  }
  return result.stdout;
};

/** URL of the backend that pulumi is logged in to; undefined when to none. */
export const currentBackend = async (): Promise<string | undefined> => {
  const result = await run("pulumi", ["--non-interactive", "whoami", "--json"], { cwd: repositoryPath(".") });
  if (result.code !== 0) return undefined;
  return (JSON.parse(result.stdout) as { readonly url?: string }).url;
};

const target = (stack: PulumiStack): readonly string[] => [
  "--stack",
  stack.name,
  ...(stack.configFile === undefined ? [] : ["--config-file", stack.configFile]),
];

const exists = async (name: string): Promise<boolean> => {
  const listed = JSON.parse(await pulumi(["stack", "ls", "--json"])) as readonly { readonly name: string }[];
  return listed.some((stack) => stack.name.split("/").at(-1) === name.split("/").at(-1));
};

/**
 * Creates the stack in the backend when it is not there.
 * @returns true when it was created
 */
export const ensureStack = async (stack: PulumiStack): Promise<boolean> => {
  if (await exists(stack.name)) return false;
  const provider = stack.secretsProvider === undefined ? [] : ["--secrets-provider", stack.secretsProvider];
  const args = ["stack", "init", stack.name, ...provider];
  if (stack.configFile === undefined) {
    await pulumi(args);
    return true;
  }
  // `stack init` writes its salt into Pulumi.<stack>.yaml of the project and knows no --config-file: the committed
  // example must not change, so it runs in a project of its own.
  const directory = mkdtempSync(join(tmpdir(), "stack-init-"));
  try {
    copyFileSync(repositoryPath("Pulumi.yaml"), join(directory, "Pulumi.yaml"));
    await pulumi([...args, "--no-select"], { cwd: directory });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return true;
};

/** Stores plain values by path below `platform:`, all in one step. */
export const setPlain = async (
  stack: PulumiStack,
  values: Readonly<Record<string, string>>,
): Promise<void> => {
  const flags = Object.entries(values).flatMap(([path, value]) => [
    "--plaintext",
    `platform:${path}=${value}`,
  ]);
  if (flags.length > 0) await pulumi(["config", "set-all", "--path", ...flags, ...target(stack)]);
};

/** Stores one secret, encrypted. The value is on standard input: no process list shows it. */
export const setSecret = async (stack: PulumiStack, key: string, value: string): Promise<void> => {
  await pulumi(["config", "set", "--secret", `platform:${key}`, ...target(stack)], { input: value });
};

/** One secret, decrypted. Never print it. */
export const getSecret = async (stack: PulumiStack, key: string): Promise<string> =>
  (await pulumi(["config", "get", `platform:${key}`, ...target(stack)])).replace(/\n$/, "");
