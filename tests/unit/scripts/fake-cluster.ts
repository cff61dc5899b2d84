/** A host whose kubectl works on a few objects in memory, and notes every call that changes something. */

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import type { Host } from "../../../scripts/lib/restore/cluster.ts";

export type Thing = Record<string, unknown>;

/** `namespace/kind/name`. */
export type Things = Map<string, Thing>;

export const part = (thing: unknown, key: string): Thing => {
  const found = typeof thing === "object" && thing !== null ? (thing as Thing)[key] : undefined;
  return typeof found === "object" && found !== null ? (found as Thing) : {};
};

export interface FakeCluster {
  readonly host: Host;
  readonly things: Things;
  /** Calls that change something, and those that run a script, in order. */
  readonly calls: string[];
  closed: boolean;
  /** Logs that are still read. */
  readonly following: Set<object>;
}

export interface FakeArgs {
  /** The pod ends, and its log with it. */
  readonly failing: boolean;
  readonly things: Things;
  /** What the script of a pod says; throws when it fails. */
  readonly exec: (script: string) => string;
  /** Called after every change: what controllers would make of it. */
  readonly settle: (things: Things) => void;
}

const annotations = (thing: Thing): Thing => part(thing["metadata"], "annotations");

const annotate = (thing: Thing, change: string): void => {
  const now = { ...annotations(thing) };
  const [name = "", value] = change.split("=");
  if (value === undefined) Reflect.deleteProperty(now, name.replace(/-$/, ""));
  else now[name] = value;
  thing["metadata"] = { ...part(thing, "metadata"), annotations: now };
};

const patch = (thing: Thing, text: string): void => {
  const change = JSON.parse(text) as Thing;
  for (const [name, value] of Object.entries(annotations(change)))
    annotate(thing, typeof value === "string" ? `${name}=${value}` : `${name}-`);
  thing["spec"] = { ...part(thing, "spec"), ...part(change, "spec") };
};

const kindOf = (name: string): string => name.split("/")[0] ?? "";

const list = (things: Things, space: string, kind: string): string =>
  [...things.keys()]
    .filter((key) => key.startsWith(`${space}/${kind.replace(/s$/, "")}/`))
    .map((key) => key.slice(space.length + 1).replace("/", ".apps/"))
    .join("\n");

const create = (things: Things, input: string): void => {
  const made = JSON.parse(input) as Thing;
  const { namespace, name } = part(made, "metadata");
  things.set(`${String(namespace)}/${String(made["kind"]).toLowerCase()}/${String(name)}`, made);
};

const answer = ({ things, exec }: FakeArgs, args: readonly string[], input: string): string => {
  if (args[0] === "create") {
    create(things, input);
    return "";
  }
  const [, space = "", verb, name = "", ...rest] = args;
  const thing = things.get(`${space}/${name}`);
  switch (verb) {
    case "get":
      if (rest[0] === "--output=name") return list(things, space, name);
      return thing === undefined ? "" : JSON.stringify(thing);
    case "delete":
      things.delete(`${space}/${name}`);
      return "";
    case "exec":
      if (part(thing, "spec")["replicas"] === 0) throw new Error(`${name} has no pods`);
      return exec(rest.join(" "));
  }
  if (thing === undefined) throw new Error(`no ${name} in ${space}`);
  const [change = ""] = rest;
  if (verb === "annotate") annotate(thing, change);
  else if (verb === "scale")
    thing["spec"] = { ...part(thing, "spec"), replicas: Number(change.split("=")[1]) };
  else if (verb === "patch") patch(thing, (rest[1] ?? "").replace("--patch=", ""));
  else throw new Error(`kubectl ${args.join(" ")}: not known to the fake`);
  return "";
};

/**
 * The log of anything, for the third who asks: the container is not there before. One line of a script, one of
 * PostgreSQL; that of a server goes on until its reader is killed.
 */
const log = (attempt: number, endless: boolean): ChildProcessWithoutNullStreams => {
  const stdout = new PassThrough();
  const early = attempt < 3;
  const child = Object.assign(new EventEmitter(), {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    kill: () => stdout.end(),
  });
  stdout.on("end", () => setImmediate(() => child.emit("close", 0)));
  if (!early) stdout.write("restore-in-place: backup base_x, 7 MiB\n2026-11-23 LOG: starting\n");
  if (early || !endless) stdout.end();
  return child as unknown as ChildProcessWithoutNullStreams;
};

export const fakeCluster = (args: FakeArgs): FakeCluster => {
  const calls: string[] = [];
  let logs = 0;
  const fake: FakeCluster = {
    things: args.things,
    calls,
    closed: false,
    following: new Set(),
    host: {
      // eslint-disable-next-line @typescript-eslint/require-await -- what it throws has to reject
      kubectl: async (words, options) => {
        const input = options?.input ?? "";
        const [, space = "", verb = "", name = "", ...rest] = words;
        if (words[0] === "create")
          calls.push(`create ${kindOf(String((JSON.parse(input) as Thing)["kind"]))}`);
        else if (verb !== "get") calls.push(`${verb} ${space}/${name} ${rest.join(" ")}`);
        const said = answer(args, words, input);
        args.settle(args.things);
        return said;
      },
      spawn: (argv) => {
        logs += 1;
        const child = log(logs, argv.at(-1)?.startsWith("pod/") === true && !args.failing);
        fake.following.add(child);
        child.on("close", () => fake.following.delete(child));
        return child;
      },
      close: () => {
        fake.closed = true;
      },
    },
  };
  return fake;
};
