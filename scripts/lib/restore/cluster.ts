/** What a restore asks of the cluster, each as one call with a deadline. */

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { HostAccess } from "../stack-access.ts";
import { UserError } from "../user-error.ts";

export type Print = (line: string) => void;
export type Json = Readonly<Record<string, unknown>>;

export interface Workload {
  readonly namespace: string;
  /** e.g. `deployment/api`. */
  readonly name: string;
}

/** What a restore needs of the way to a host. */
export type Host = Pick<HostAccess, "kubectl" | "spawn" | "close">;

export interface Following {
  /** The log has ended, or `stop` was called. */
  readonly ended: Promise<void>;
  /** Without it a program that has nothing else to do goes on as long as the log does. */
  readonly stop: () => void;
}

/** How long a container may take to start before its log is given up; the work itself goes on. */
const containerSeconds = 300;

/** kubectl with the names of one stack. */
export class Cluster {
  readonly #host: Host;
  readonly #print: Print;
  readonly #pauseMs: number;

  /** @param pauseMs between two looks at what is not ready yet */
  constructor(host: Host, print: Print, pauseMs = 1000) {
    this.#host = host;
    this.#print = print;
    this.#pauseMs = pauseMs;
  }

  kubectl(
    args: readonly string[],
    options: { input?: string; timeoutSeconds?: number } = {},
  ): Promise<string> {
    return this.#host.kubectl(args, options);
  }

  async get(namespace: string, name: string): Promise<Json | undefined> {
    const found = await this.kubectl(["-n", namespace, "get", name, "--ignore-not-found", "--output=json"]);
    return found.trim() === "" ? undefined : (JSON.parse(found) as Json);
  }

  async need(namespace: string, name: string, remedy: string): Promise<Json> {
    const found = await this.get(namespace, name);
    if (found === undefined) throw new UserError(`${namespace}: there is no ${name}; ${remedy}`);
    return found;
  }

  /** Names as `kind/name`. */
  async names(namespace: string, kind: string): Promise<readonly string[]> {
    const found = await this.kubectl(["-n", namespace, "get", kind, "--output=name"]);
    return found
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replace(/^([a-z]+)\.[a-z.]+\//, "$1/"));
  }

  async apply(manifest: Json): Promise<void> {
    await this.kubectl(["create", "--filename=-"], { input: JSON.stringify(manifest) });
  }

  /** Returns when its pods have ended too: two restores must never write to one directory. */
  async remove(namespace: string, name: string): Promise<void> {
    const flags = ["--cascade=foreground", "--ignore-not-found", "--timeout=180s"];
    await this.kubectl(["-n", namespace, "delete", name, ...flags], { timeoutSeconds: 200 });
  }

  /** Shows the log of a pod or job from the start of its container, while it is written. */
  follow(namespace: string, name: string): Following {
    const now: { child?: ChildProcess; stopped: boolean } = { stopped: false };
    const ended = (async (): Promise<void> => {
      // kubectl does not wait for a container that is not there yet.
      for (let tries = 0; !now.stopped && tries < containerSeconds; tries += 1) {
        const attempt = this.#log(namespace, name);
        now.child = attempt.child;
        if (await attempt.shown) return;
        await new Promise((next) => setTimeout(next, this.#pauseMs));
      }
    })();
    const stop = (): void => {
      now.stopped = true;
      now.child?.kill();
    };
    return { ended, stop };
  }

  /** `shown` says whether there was a log. */
  #log(namespace: string, name: string): { child: ChildProcess; shown: Promise<boolean> } {
    const child = this.#host.spawn(["k3s", "kubectl", "-n", namespace, "logs", "--follow", name]);
    child.stdin.end();
    child.stderr.resume();
    let lines = 0;
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines += 1;
      // PostgreSQL's own lines are in the pod's log; here is what the scripts say.
      if (/^[a-z-]+: /.test(line)) this.#print(`  ${line}`);
    });
    const shown = new Promise<boolean>((done) => {
      child.on("error", () => {
        done(false);
      });
      // Without a line it was too early, whatever its status: every one of our scripts says something.
      child.on("close", () => {
        done(lines > 0);
      });
    });
    return { child, shown };
  }

  /** @throws UserError after the deadline, with what was waited for. */
  async until(what: string, seconds: number, probe: () => Promise<boolean>): Promise<void> {
    const began = Date.now();
    let shown = began;
    while (!(await probe())) {
      const waited = Math.round((Date.now() - began) / 1000);
      if (waited > seconds) throw new UserError(`waited ${String(seconds)} s for ${what}`);
      if (Date.now() - shown > 30_000) {
        shown = Date.now();
        this.#print(`  waiting for ${what}, ${String(waited)} s so far`);
      }
      await new Promise((next) => setTimeout(next, this.#pauseMs));
    }
  }
}

/** A field by its path, e.g. `status.succeeded`. */
export const field = (json: Json | undefined, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>(
      (value, key) => (typeof value === "object" && value !== null ? (value as Json)[key] : undefined),
      json,
    );
