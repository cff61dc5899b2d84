/**
 * The program's part of `make bench`: starts, previews, updates, and a bare host brought up by it and by hand.
 * State held: the host `bench` and the directory .rig/bench, which the caller removes.
 */
import { join } from "node:path";

import { applyByHand, readRecipe, startByHand } from "./byhand.ts";
import { environmentOf, platformArm, sideProgram, stateSize, type SideProgram } from "./engine.ts";
import { freshHost, memoryOf, readyAfter } from "./hosts.ts";
import { interleave, say, timed } from "./measure.ts";
import { exportObjects } from "./objects.ts";
import { programRounds as ROUNDS } from "./obtained.ts";
import { benchDirectory as directory, benchHost as HOST } from "./places.ts";
import type { Measured } from "./tell.ts";
import { artifacts, must, repository, RigStack } from "../stack.ts";

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

/** Every figure of the program; needs the host's name to be free. */
export const measureProgram = async (): Promise<Measured> => {
  const source = await must(join(repository, "rig", "source.sh"), []);
  const program = await bringUp();
  const runs = await measureRuns(program);
  const state = stateSize(program.stack);
  const memory = memoryOf(HOST);
  const hand = await byHand(program.stack);
  return { standIn: source === "built", rounds: ROUNDS, program, runs, state, memory, hand };
};
