/** What a restore asks of the cluster, each as one call with a deadline. */

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

/** kubectl with the names of one stack. */
export class Cluster {
  readonly #host: Host;
  readonly #print: Print;

  constructor(host: Host, print: Print) {
    this.#host = host;
    this.#print = print;
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

  /** Shows the log of a pod or job while it is written; ends with it. */
  follow(namespace: string, name: string): Promise<void> {
    const child = this.#host.spawn([
      "k3s",
      "kubectl",
      "-n",
      namespace,
      "logs",
      "--follow",
      "--pod-running-timeout=5m",
      name,
    ]);
    child.stdin.end();
    child.stderr.resume();
    createInterface({ input: child.stdout }).on("line", (line) => {
      // PostgreSQL's own lines are in the pod's log; here is what the scripts say.
      if (/^[a-z-]+: /.test(line)) this.#print(`  ${line}`);
    });
    return new Promise((done) => {
      child.on("error", () => {
        done();
      });
      child.on("close", () => {
        done();
      });
    });
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
      await new Promise((next) => setTimeout(next, 2000));
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
