/** Running programs and reading what they say. */
import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";

/** The root of the checkout. */
export const repository = resolve(import.meta.dirname, "..");

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Also show what comes on standard error, or on both. @default nothing */
  readonly echo?: "stderr" | "all";
  /** Told about the process as soon as it runs, for tests that kill it. */
  readonly onSpawn?: (child: ChildProcess) => void;
  /** Told about every piece of output, for tests that act at a certain moment. */
  readonly onOutput?: (text: string) => void;
  /** The deadline. @default 30 minutes */
  readonly timeoutSeconds?: number;
}

/** Runs a program to its end and returns what it said; it rejects only when it could not be started. */
export const execute = (file: string, args: readonly string[], options: RunOptions = {}): Promise<Result> =>
  new Promise((done, fail) => {
    const child = spawn(file, args, {
      cwd: repository,
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      detached: options.onSpawn !== undefined, // a group of its own, so that a test can kill all of it
    });
    const deadline = setTimeout(() => child.kill("SIGKILL"), (options.timeoutSeconds ?? 1800) * 1000);
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (data: Buffer) => {
      stdout += data.toString();
      options.onOutput?.(data.toString());
      if (options.echo === "all") process.stdout.write(data);
    });
    child.stderr?.on("data", (data: Buffer) => {
      stderr += data.toString();
      options.onOutput?.(data.toString());
      if (options.echo !== undefined) process.stderr.write(data);
    });
    child.on("error", fail);
    child.on("close", (code) => {
      clearTimeout(deadline);
      done({ code: code ?? -1, stdout, stderr });
    });
    if (options.input !== undefined) child.stdin?.end(options.input);
    options.onSpawn?.(child);
  });

/** Like `execute`, but a failure is an error that carries what the program said. */
export const must = async (
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const result = await execute(file, args, options);
  if (result.code !== 0) {
    const said =
      options.echo === "all" ? "see its output above" : `${result.stdout}\n${result.stderr}`.trim();
    throw new Error(`${file} ${args.slice(0, 4).join(" ")} ended with ${String(result.code)}: ${said}`);
  }
  return result.stdout.trim();
};
