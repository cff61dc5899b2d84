/**
 * `make bench`: how long the platform takes, as ratios to the same work without it, within one run.
 *
 *   node rig/bench.ts                  prints the tables
 *   node rig/bench.ts --only data      one part of them: program or data
 *   node rig/bench.ts --write          also writes what was measured to docs/benchmarks.md
 *
 * Takes about seven minutes for the program and twenty for the data layer when everything is built. Makes and
 * removes the host `bench`, the store `bench` and the directory .rig/bench.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { measureData } from "./bench/data.ts";
import { say } from "./bench/measure.ts";
import { benchDirectory, benchHost, benchStore } from "./bench/places.ts";
import { measureProgram } from "./bench/program.ts";
import { machine, plainTable, renderPart, replacePart, type Figure } from "./bench/report.ts";
import { tell } from "./bench/tell.ts";
import { tellData } from "./bench/tellData.ts";
import { store } from "./services.ts";
import { host, repository } from "./stack.ts";

const parts = {
  program: async (): Promise<readonly Figure[]> => tell(await measureProgram()),
  data: async (): Promise<readonly Figure[]> => tellData(await measureData()),
} as const;
type Part = keyof typeof parts;

const file = join(repository, "docs", "benchmarks.md");
const isPart = (name: string): name is Part => Object.hasOwn(parts, name);

const run = async (part: Part, write: boolean): Promise<void> => {
  const load = loadavg()[0] ?? 0;
  say(machine(load));
  rmSync(benchDirectory, { recursive: true, force: true });
  try {
    const figures = await parts[part]();
    process.stdout.write(
      `\n${plainTable(figures)}\n\n${machine(load)}\nHow they were obtained: docs/benchmarks.md\n`,
    );
    if (write)
      writeFileSync(file, replacePart(readFileSync(file, "utf8"), part, renderPart(part, figures, load)));
  } finally {
    await host("destroy", benchHost);
    await store(["destroy", benchStore]);
    rmSync(benchDirectory, { recursive: true, force: true });
  }
};

const { values } = parseArgs({ options: { only: { type: "string" }, write: { type: "boolean" } } });
const { only, write = false } = values;
if (only !== undefined && !isPart(only)) {
  process.stderr.write(`--only ${only}: write ${Object.keys(parts).join(" or ")}\n`);
  process.exitCode = 2;
} else {
  // An interrupt reaches the running command too; its failure ends the run, and the host is removed on the way out.
  process.on("SIGINT", () => say("interrupted, removing the host"));
  const wanted = only === undefined ? Object.keys(parts).filter(isPart) : [only];
  try {
    for (const part of wanted) await run(part, write);
  } catch (error: unknown) {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
