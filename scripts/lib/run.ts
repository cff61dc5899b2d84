/** Runs another program. Arguments are for names and paths; what is secret goes through standard input. */

import { spawn } from "node:child_process";
import { UserError } from "./user-error.ts";

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** After this long the program is killed. @default 60 */
  readonly timeoutSeconds?: number;
  /** Gets what the program says, as it says it, besides the result. */
  readonly onOutput?: (text: string) => void;
}

/**
 * Runs `command` and collects what it says.
 * @throws UserError when it cannot be started or does not end in time; a failing exit code is the caller's business
 */
export const run = (command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  new Promise((resolve, reject) => {
    const seconds = options.timeoutSeconds ?? 60;
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: "pipe" });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, seconds * 1000);
    const collected = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].on("data", (chunk: Buffer) => {
        collected[stream] += chunk.toString("utf8");
        options.onOutput?.(chunk.toString("utf8"));
      });
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on("error", () => undefined);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const text = error.code === "ENOENT" ? "not found; install it and put it on PATH" : error.message;
      reject(new UserError(`${command}: ${text}`));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (late) reject(new UserError(`${command}: no answer within ${String(seconds)} s`));
      else resolve({ code: code ?? 1, ...collected });
    });
    child.stdin.end(options.input ?? "");
  });
