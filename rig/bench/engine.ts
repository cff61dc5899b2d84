/**
 * The arms that the engine runs: the platform's program, an empty one, and one that only imports the platform's modules.
 * State held: the work directories below `.rig/bench`, which the caller removes.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { execute, repository, type RigStack } from "../stack.ts";
import { timed, type Arm } from "./measure.ts";

type Environment = Readonly<Record<string, string>>;

/** What `rig/env.sh` sets for a stack, asked once: the time of that script belongs to the rig, not to a figure. */
export const environmentOf = async (stack: RigStack): Promise<Environment> => {
  const { code, stdout, stderr } = await stack.inEnvironment(["env", "-0"]);
  if (code !== 0) throw new Error(`rig/env.sh failed: ${stderr}`);
  const pairs = stdout.split("\0").filter((line) => line.includes("="));
  return Object.fromEntries(
    pairs.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
};

/** Runs the CLI without anything of the rig in between; returns its seconds, or fails with what it said. */
const pulumi = async (env: Environment, args: readonly string[]): Promise<number> => {
  const { seconds, value } = await timed(() => execute("pulumi", ["--non-interactive", ...args], { env }));
  if (value.code !== 0) throw new Error(`pulumi ${args.join(" ")}: ${value.stdout}\n${value.stderr}`);
  return seconds;
};

/** Arms on the platform's own program. */
export const platformArm =
  (stack: RigStack, env: Environment, ...args: string[]): Arm =>
  () =>
    pulumi(env, [...args, "--stack", stack.stack, "--config-file", stack.configFile]);

export interface SideProgram {
  /** `pulumi ARGS` on it, in seconds. */
  readonly arm: (...args: string[]) => Arm;
  /** A preview of it, in seconds from the start of its node process to its first own statement. */
  readonly start: Arm;
}

/** A program of one file that notes when its first own statement ran; on the backend of `env`, with its secrets provider. */
export const sideProgram = async (
  env: Environment,
  directory: string,
  imports: readonly string[],
): Promise<SideProgram> => {
  const noted = join(directory, "started");
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, "Pulumi.yaml"),
    `name: bench-${directory.split("/").at(-1) ?? ""}\nmain: index.ts\nruntime:\n  name: nodejs\n  options: { typescript: false }\n`,
  );
  writeFileSync(
    join(directory, "index.ts"),
    [
      ...["@pulumi/pulumi", ...imports.map((file) => join(repository, file))].map(
        (from) => `import "${from}";`,
      ),
      'import { writeFileSync } from "node:fs";',
      `writeFileSync(${JSON.stringify(noted)}, String(performance.now()));`,
      "",
    ].join("\n"),
  );
  const on = ["--cwd", directory];
  await pulumi(env, [...on, "stack", "init", "bench"]);
  const run = (...args: string[]): Promise<number> => pulumi(env, [...on, ...args, "--stack", "bench"]);
  return {
    arm:
      (...args) =>
      () =>
        run(...args),
    start: async () => {
      await run("preview");
      return Number(readFileSync(noted, "utf8")) / 1000;
    },
  };
};

export interface StateSize {
  readonly bytes: number;
  readonly resources: number;
}

/** Of the state as the file backend keeps it: secrets encrypted, not compressed. */
export const stateSize = (stack: RigStack): StateSize => {
  const file = join(stack.directory, "state", ".pulumi", "stacks", "platform", `${stack.stack}.json`);
  const state = JSON.parse(readFileSync(file, "utf8")) as {
    checkpoint: { latest: { resources: unknown[] } };
  };
  return { bytes: statSync(file).size, resources: state.checkpoint.latest.resources.length };
};
