/**
 * Runs the levels of the test pyramid one after the other and ends with one line of totals.
 *
 *   node tests/run.ts [LEVEL...]     check, rules, go, rig, engine, bootstrap, e2e; all of them when none is named. soak only by name
 *
 * A level that cannot run here (no root, no Go) counts as skipped, with its reason. Exit status 1 when
 * anything failed or when a level ran no test.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const root = resolve(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "platform-tests-"));
const skippedBecause: string[] = [];

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const skip = (level: string, reason: string): Count => {
  skippedBecause.push(`${level}: ${reason}`);
  return { passed: 0, failed: 0, skipped: 1 };
};

const sum = (counts: readonly Count[]): Count =>
  counts.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    {
      passed: 0,
      failed: 0,
      skipped: 0,
    },
  );

const show = (command: string, args: readonly string[]): number =>
  spawnSync(command, args, { cwd: root, stdio: "inherit" }).status ?? 1;

/** Runs a command whose output is shown as it comes. */
const showing = (command: string, args: readonly string[]): Promise<number> =>
  new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", () => {
      done(1);
    });
    child.on("close", (code) => {
      done(code ?? 1);
    });
  });

/** Runs a command beside others; what it says comes in one piece at its end. */
const quietly = (
  command: string,
  args: readonly string[],
): Promise<{ readonly status: number; readonly said: string }> =>
  new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    child.stderr.on("data", (piece: Buffer) => pieces.push(piece));
    child.on("error", (error) => {
      done({ status: 1, said: error.message });
    });
    child.on("close", (code) => {
      done({ status: code ?? 1, said: Buffer.concat(pieces).toString() });
    });
  });

/** One static check after the other; each is one test. */
const staticChecks = async (...names: readonly string[]): Promise<Count> => {
  const counts: Count[] = [];
  for (const name of names) {
    const { status, said } = await quietly("npm", ["run", "--silent", name]);
    say(`${said}${status === 0 ? "ok" : "FAILED"}  npm run ${name}`);
    counts.push({ passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 });
  }
  return sum(counts);
};

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** A vitest run. A file that could not be loaded has no assertions and counts as one failure. */
const vitest = async (level: string, ...args: string[]): Promise<Count> => {
  const report = join(scratch, `${level}.json`);
  const status = await showing("npx", [
    ...["--no-install", "vitest", "run", ...args],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
  ]);
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
  const tests = testResults.flatMap((file) =>
    file.assertionResults.length === 0 && file.status === "failed"
      ? [{ status: "failed", fullName: file.name }]
      : file.assertionResults,
  );
  const of = (...wanted: string[]): number => tests.filter((t) => wanted.includes(t.status)).length;
  const left = tests.filter((t) => !["passed", "failed"].includes(t.status));
  skippedBecause.push(...left.map((t) => `${level}: ${t.fullName}`));
  const failed = of("failed");
  return { passed: of("passed"), failed: status !== 0 && failed === 0 ? 1 : failed, skipped: left.length };
};

/** Modules of the rig that have tests. */
const goModules = ["go/plugins", "go/k3s", "go/dragonfly", "go/receiver", "images/ocipack"] as const;

/** `go test` of one module of the rig, with the flags of its build: what one of them has compiled serves both. */
const goTest = (module: string): Count => {
  const command = '. rig/lib.sh && cd "rig/$1" && exec go test -trimpath -json ./...';
  const run = spawnSync("bash", ["-c", command, "go-test", module], {
    cwd: root,
    env: { ...process.env, CGO_ENABLED: "0" },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const events = run.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { Action: string; Test?: string; Output?: string; Package?: string });
  const of = (action: string): number =>
    events.filter((e) => e.Action === action && e.Test !== undefined).length;
  const failed = of("fail");
  if (run.status !== 0) say(events.map((e) => e.Output ?? "").join("") + run.stderr);
  return { passed: of("pass"), failed: run.status !== 0 && failed === 0 ? 1 : failed, skipped: of("skip") };
};

/** Tests of the sample application, which has no packages of its own to install for them. */
const nodeTest = (folder: string): Count => {
  const run = spawnSync("node", ["--test", "--test-reporter=tap", `${folder}/*.test.js`], {
    cwd: root,
    encoding: "utf8",
  });
  const of = (name: string): number =>
    Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(run.stdout)?.[1] ?? 0);
  const failed = of("fail");
  if (run.status !== 0) say(run.stdout + run.stderr);
  return {
    passed: of("pass"),
    failed: run.status !== 0 && failed === 0 ? 1 : failed,
    skipped: of("skipped"),
  };
};

/** A shell test that prints `ok` and `not ok` lines. */
const shellTest = (file: string): Count => {
  const run = spawnSync("bash", [join(root, file)], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  say(run.stdout);
  const lines = run.stdout.split("\n");
  const failed = lines.filter((l) => l.startsWith("not ok")).length;
  const skipped = lines.filter((l) => /^ok .*# skip/i.test(l));
  skippedBecause.push(...skipped);
  const passed = lines.filter((l) => /^ok\b/.test(l)).length - skipped.length;
  return { passed, failed: run.status !== 0 && failed === 0 ? 1 : failed, skipped: skipped.length };
};

/** Why no throw-away host can run here, or undefined. */
const noHost = (): string | undefined => {
  const asked = spawnSync("bash", [join(root, "rig/host/host.sh"), "supported"], { encoding: "utf8" });
  return asked.status === 0 ? undefined : `no throw-away host: ${asked.stdout.trim()}`;
};

/** Ends the hosts and services that a killed test run left; `local` is the developer's own. */
const endTestHosts = (): void => {
  const list = spawnSync("bash", [join(root, "rig/host/host.sh"), "list"], { encoding: "utf8" });
  const names = list.stdout.split("\n").flatMap((line) => line.split(" ")[0] || []);
  for (const name of names.filter((n) => n !== "local"))
    show("bash", [join(root, "rig/host/host.sh"), "destroy", name]);
  for (const service of ["store", "receiver", "legacy"])
    show("bash", [join(root, `rig/${service}/${service}.sh`), "destroy-all"]);
};

/** After all levels: nothing of a test's host is left on the machine. One test. */
const leftovers = (): Count => {
  const found = spawnSync("bash", [join(root, "rig/host/host.sh"), "leftovers"], { encoding: "utf8" });
  const lines = found.stdout.split("\n").filter((line) => line !== "" && !/ local( |$)/.test(line));
  say(
    lines.length === 0 ? "ok  the machine is as it was" : `FAILED  left on the machine:\n${lines.join("\n")}`,
  );
  return { passed: lines.length === 0 ? 1 : 0, failed: lines.length === 0 ? 0 : 1, skipped: 0 };
};

const hasGo = (): boolean => spawnSync("go", ["version"]).status === 0;

/** Tests on throw-away hosts, and whether they left any. */
const onHosts = async (level: "bootstrap" | "e2e" | "soak"): Promise<Count> => {
  const reason = noHost();
  if (reason !== undefined) return skip(level, reason);
  const count = await vitest(level, "--config", `vitest.${level}.config.ts`);
  endTestHosts();
  return sum([count, leftovers()]);
};

const levels: Readonly<Record<string, () => Promise<Count>>> = {
  check: async () => {
    const [checks, tests] = await Promise.all([
      staticChecks("check:types", "check:lint", "check:format", "check:pulumi"),
      vitest("check"),
    ]);
    return sum([checks, tests, nodeTest("rig/sample-app/tests")]);
  },
  rules: () => Promise.resolve(shellTest("tests/rules/check.sh")),
  go: () => Promise.resolve(hasGo() ? sum(goModules.map(goTest)) : skip("go", "no Go on this machine")),
  rig: () => {
    const reason = noHost();
    const scripts = ["host/test.sh", "store/test.sh", "receiver/test.sh", "images/test-official.sh"];
    return Promise.resolve(
      reason === undefined ? sum(scripts.map((file) => shellTest(`rig/${file}`))) : skip("rig", reason),
    );
  },
  engine: () =>
    hasGo()
      ? vitest("engine", "--config", "vitest.engine.config.ts")
      : Promise.resolve(skip("engine", "no Go on this machine")),
  bootstrap: () => onHosts("bootstrap"),
  e2e: () => onHosts("e2e"),
  soak: () => onHosts("soak"),
};

const byThemselves = Object.keys(levels).filter((name) => name !== "soak");
const wanted = process.argv.length > 2 ? process.argv.slice(2) : byThemselves;
const unknown = wanted.filter((name) => levels[name] === undefined);
if (unknown.length > 0) {
  say(`unknown level: ${unknown.join(", ")}; write one or more of ${Object.keys(levels).join(", ")}`);
  process.exit(2);
}

const counts: Count[] = [];
for (const name of wanted) {
  say(`\n== ${name}`);
  const began = Date.now();
  const count = (await levels[name]?.()) ?? { passed: 0, failed: 1, skipped: 0 };
  const empty = count.passed + count.failed + count.skipped === 0;
  const seconds = Math.round((Date.now() - began) / 1000);
  say(`== ${name}: ${empty ? "ran no test, which counts as a failure, " : ""}${String(seconds)} s`);
  counts.push(empty ? { passed: 0, failed: 1, skipped: 0 } : count);
}
rmSync(scratch, { recursive: true, force: true });

const total = sum(counts);
if (skippedBecause.length > 0) say(`\nskipped:\n${skippedBecause.map((line) => `  ${line}`).join("\n")}`);
say(`\n${String(total.passed)} passed, ${String(total.failed)} failed, ${String(total.skipped)} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
