/**
 * `make bench`: how long the platform takes, as ratios to the same work without it, within one run.
 *
 *   node rig/bench.ts            prints the table
 *   node rig/bench.ts --write    also writes docs/benchmarks.md
 *
 * Takes about seven minutes when everything is built. Makes and removes the host `bench` and the directory .rig/bench.
 */
import { rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";

import { applyByHand, readRecipe, startByHand } from "./bench/byhand.ts";
import { environmentOf, platformArm, sideProgram, stateSize, type SideProgram } from "./bench/engine.ts";
import { freshHost, memoryOf, readyAfter } from "./bench/hosts.ts";
import { interleave, say, timed } from "./bench/measure.ts";
import { exportObjects } from "./bench/objects.ts";
import { document, machine, plainTable } from "./bench/report.ts";
import { tell, type Measured } from "./bench/tell.ts";
import { artifacts, host, must, repository, RigStack } from "./stack.ts";

const HOST = "bench";
const ROUNDS = 3;
const directory = join(repository, ".rig", "bench");
const upArgs = ["up", "--yes", "--skip-preview"] as const;

/** Host and cluster, and what they hang on. */
const bootstrapTargets = [
  "pulumi:pulumi:Stack::**",
  "platform:stacks:Platform::**",
  "**$platform:host:Host**",
  "**$platform:cluster:Cluster**",
].flatMap((pattern) => ["--target", `urn:pulumi:*::platform::${pattern}`]);

/** The platform from a bare host, in the two halves that have a counterpart by hand. */
const bringUp = async () => {
  say("the platform by the program: bare host, k3s, objects");
  const warm = await timed(async () => {
    await artifacts();
    await freshHost(HOST);
    const stack = new RigStack({ directory: join(directory, "platform"), hostName: HOST });
    await stack.configure();
    await stack.init();
    return stack;
  });
  const stack = warm.value;
  const env = await environmentOf(stack);
  const start = Date.now();
  const bootstrap = await platformArm(stack, env, ...upArgs, ...bootstrapTargets)();
  const ready = await readyAfter(HOST, start);
  say(`bootstrap ${bootstrap.toFixed(1)} s, node Ready after ${ready.toFixed(0)} s`);
  const objects = await platformArm(stack, env, ...upArgs)();
  say(`objects ${objects.toFixed(1)} s`);
  return { stack, env, preparation: warm.seconds, bootstrap, ready, objects };
};

type BroughtUp = Awaited<ReturnType<typeof bringUp>>;

/** Starts, previews and updates that change nothing. */
const measureRuns = async ({ stack, env }: BroughtUp) => {
  say(`previews and updates that change nothing, ${String(ROUNDS)} rounds`);
  const first = new RigStack({ directory: join(directory, "first"), hostName: HOST });
  await first.configure();
  await first.init();
  const firstEnv = await environmentOf(first);
  const side = (name: string, imports: readonly string[], over = {}): Promise<SideProgram> =>
    sideProgram({ ...env, ...over }, join(directory, "programs", name), imports);
  const modules = ["stacks/config.ts", "stacks/platform.ts"];
  const empty = await side("empty", []);
  const importing = await side("importing", modules);
  const uncached = { NODE_DISABLE_COMPILE_CACHE: "1" };
  const emptyUncached = await side("empty-uncached", [], uncached);
  const importingUncached = await side("importing-uncached", modules, uncached);
  await empty.arm(...upArgs)(); // its stack exists from here on, as the platform's does
  return interleave(
    {
      emptyStart: empty.start,
      programStart: importing.start,
      emptyStartUncached: emptyUncached.start,
      programStartUncached: importingUncached.start,
      emptyPreview: empty.arm("preview"),
      firstPreview: platformArm(first, firstEnv, "preview"),
      noopPreview: platformArm(stack, env, "preview", "--expect-no-changes"),
      emptyUp: empty.arm(...upArgs),
      noopUp: platformArm(stack, env, ...upArgs, "--expect-no-changes"),
    },
    ROUNDS,
  );
};

/** The same by hand, on a host of the same name and kind. */
const byHand = async (stack: RigStack) => {
  const built = await artifacts();
  const recipe = await readRecipe(HOST, "/srv/hc-local", await exportObjects(stack));
  say("the same by hand: bare host, k3s, objects");
  await freshHost(HOST);
  const start = Date.now();
  const bootstrap = await timed(() => startByHand(HOST, recipe, built));
  const ready = await readyAfter(HOST, start);
  say(`bootstrap ${bootstrap.seconds.toFixed(1)} s, node Ready after ${ready.toFixed(0)} s`);
  const objects = await timed(() => applyByHand(HOST, recipe));
  say(`${String(recipe.objects.length)} objects ${objects.seconds.toFixed(1)} s`);
  return { bootstrap: bootstrap.seconds, ready, objects: objects.seconds };
};

const measure = async (): Promise<Measured> => {
  const source = await must(join(repository, "rig", "source.sh"), []);
  const program = await bringUp();
  const runs = await measureRuns(program);
  const state = stateSize(program.stack);
  const memory = memoryOf(HOST);
  const hand = await byHand(program.stack);
  return { standIn: source === "built", rounds: ROUNDS, program, runs, state, memory, hand };
};

const main = async (write: boolean): Promise<void> => {
  const load = loadavg()[0] ?? 0;
  say(machine(load));
  rmSync(directory, { recursive: true, force: true });
  try {
    const figures = tell(await measure());
    process.stdout.write(
      `\n${plainTable(figures)}\n\n${machine(load)}\nHow they were obtained: docs/benchmarks.md\n`,
    );
    if (write) writeFileSync(join(repository, "docs", "benchmarks.md"), document(figures, load, ROUNDS));
  } finally {
    await host("destroy", HOST);
    rmSync(directory, { recursive: true, force: true });
  }
};

const unknown = process.argv.slice(2).filter((arg) => arg !== "--write");
if (unknown.length > 0) {
  process.stderr.write(`unknown argument: ${unknown.join(", ")}; usage: node rig/bench.ts [--write]\n`);
  process.exitCode = 2;
} else {
  // An interrupt reaches the running command too; its failure ends the run, and the host is removed on the way out.
  process.on("SIGINT", () => say("interrupted, removing the host"));
  await main(process.argv.includes("--write")).catch((error: unknown) => {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}
