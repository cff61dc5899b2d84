/**
 * The way from the operator's machine to a stack's host and cluster: SSH with the pinned key, kubectl on the host.
 * Reads the stack file and the one secret that SSH needs; needs no kubeconfig and no open port but SSH's.
 */

import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { repositoryPath } from "./repository.ts";
import { run } from "./run.ts";
import type { RunResult } from "./run.ts";
import { UserError } from "./user-error.ts";

export interface HostLogin {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string;
  readonly useAgent: boolean;
}

export interface StackPlace {
  /** The stack's own prefix: names its namespaces. */
  readonly prefix: string;
  /** The stack whose file says how to reach the host: this one, or the owner of the cluster. */
  readonly hostStack: string;
  readonly login: HostLogin;
}

export interface StackChoice {
  readonly name: string;
  /** @default Pulumi.<stack>.yaml of this repository */
  readonly configFile: string | undefined;
}

type Group = Readonly<Record<string, unknown>>;
const group = (value: unknown): Group =>
  typeof value === "object" && value !== null ? (value as Group) : {};
const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const fileOf = (stack: StackChoice): string =>
  stack.configFile ?? repositoryPath(`Pulumi.${stack.name.split("/").at(-1) ?? stack.name}.yaml`);

const readConfig = (path: string): Group => {
  if (!existsSync(path)) throw new UserError(`${path}: not found; is the name of the stack right?`);
  return group(group(parse(readFileSync(path, "utf8")))["config"]);
};

const loginOf = (config: Group, path: string): HostLogin => {
  const host = group(config["platform:host"]);
  const [address, hostKey] = [text(host["address"]), text(host["hostKey"])];
  if (address === undefined || hostKey === undefined)
    throw new UserError(`${path}: host.address or host.hostKey is missing; run stack:init first`);
  return {
    address,
    hostKey,
    port: typeof host["sshPort"] === "number" ? host["sshPort"] : 22,
    user: text(host["user"]) ?? "root",
    useAgent: host["sshAuth"] === "agent",
  };
};

/** Where a stack lives. A stack on a shared cluster is reached through the stack that owns it. */
export const findStack = (stack: StackChoice): StackPlace => {
  const path = fileOf(stack);
  const config = readConfig(path);
  const cluster = group(config["platform:cluster"]);
  const prefix = text(config["platform:prefix"]);
  if (prefix === undefined) throw new UserError(`${path}: platform:prefix is missing`);
  if (cluster["source"] !== "shared") return { prefix, hostStack: stack.name, login: loginOf(config, path) };
  const owner = text(cluster["stack"]);
  if (owner === undefined) throw new UserError(`${path}: platform:cluster.stack is missing`);
  const ownerPath = fileOf({ name: owner, configFile: undefined });
  return { prefix, hostStack: owner, login: loginOf(readConfig(ownerPath), ownerPath) };
};

/** The private key of the stack's SSH login, from its encrypted config. */
const readKey = async (place: StackPlace, stack: StackChoice): Promise<string> => {
  const file = place.hostStack === stack.name ? stack.configFile : undefined;
  const args = ["config", "get", "platform:sshPrivateKey", "--stack", place.hostStack];
  const result = await run(
    "pulumi",
    ["--non-interactive", ...args, ...(file === undefined ? [] : ["--config-file", file])],
    {
      cwd: repositoryPath("."),
    },
  );
  if (result.code !== 0)
    throw new UserError(
      `sshPrivateKey of ${place.hostStack}: ${result.stderr.trim().replace(/^error: /, "")}`,
    );
  return `${result.stdout.trim()}\n`;
};

/** One word of a shell command. */
export const shellWord = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** An open way to a host. Holds a private directory with the key until `close`. */
export class HostAccess {
  readonly login: HostLogin;
  /** Closed to others; gone after `close`. */
  readonly directory: string;
  readonly #options: readonly string[];

  /** @param privateKey undefined: the SSH agent answers */
  constructor(login: HostLogin, privateKey: string | undefined) {
    this.login = login;
    this.directory = mkdtempSync(join(tmpdir(), "platform-ssh-"));
    const known = join(this.directory, "known_hosts");
    writeFileSync(
      known,
      `[${login.address}]:${String(login.port)} ${login.hostKey}\n${login.address} ${login.hostKey}\n`,
    );
    const identity = join(this.directory, "id");
    if (privateKey !== undefined) writeFileSync(identity, privateKey, { mode: 0o600 });
    const options = {
      UserKnownHostsFile: known,
      GlobalKnownHostsFile: "/dev/null",
      StrictHostKeyChecking: "yes",
      HostKeyAlgorithms: "ssh-ed25519",
      BatchMode: "yes",
      ConnectTimeout: "15",
      ServerAliveInterval: "15",
      ServerAliveCountMax: "4",
      ControlPath: "none",
      ...(privateKey === undefined ? {} : { IdentityFile: identity, IdentitiesOnly: "yes" }),
    };
    this.#options = [
      ...["-F", "/dev/null", "-p", String(login.port), "-l", login.user],
      ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ];
  }

  /** Opens the way to the host of a stack. */
  static async open(place: StackPlace, stack: StackChoice): Promise<HostAccess> {
    return new HostAccess(place.login, place.login.useAgent ? undefined : await readKey(place, stack));
  }

  /** As root, word by word: nothing is read by a shell again. */
  #command(argv: readonly string[]): string {
    const sudo = this.login.user === "root" ? [] : ["sudo", "-n"];
    return [...sudo, ...argv].map(shellWord).join(" ");
  }

  /** Starts a program on the host as root. Ctrl-C does not reach it: whoever started it ends it in order. */
  spawn(argv: readonly string[]): ChildProcessWithoutNullStreams {
    const args = ["-T", ...this.#options, this.login.address, this.#command(argv)];
    return spawn("ssh", args, { stdio: "pipe", detached: true });
  }

  /** Runs a program on the host as root and collects what it says. */
  run(
    argv: readonly string[],
    options: { input?: string; timeoutSeconds?: number } = {},
  ): Promise<RunResult> {
    return run("ssh", ["-T", ...this.#options, this.login.address, this.#command(argv)], {
      timeoutSeconds: 120,
      ...options,
    });
  }

  /** Like `run`, as the login user, without root. */
  runAsUser(argv: readonly string[]): Promise<RunResult> {
    return run("ssh", ["-T", ...this.#options, this.login.address, argv.map(shellWord).join(" ")]);
  }

  /** Like `run`; a failure is an error with what the program said. */
  async must(
    argv: readonly string[],
    options: { input?: string; timeoutSeconds?: number } = {},
  ): Promise<string> {
    const result = await this.run(argv, options);
    if (result.code !== 0) {
      const said = result.stderr.trim() || result.stdout.trim() || `status ${String(result.code)}`;
      throw new UserError(`host ${this.login.address}: ${argv.slice(0, 3).join(" ")}: ${said}`);
    }
    return result.stdout;
  }

  /** kubectl on the host. */
  kubectl(
    args: readonly string[],
    options: { input?: string; timeoutSeconds?: number } = {},
  ): Promise<string> {
    return this.must(["k3s", "kubectl", ...args], options);
  }

  /**
   * A socket on the host whose connections come out at a socket here, as long as the returned process lives. It ends
   * with this program, whatever ends it: `cat` on the host reads its standard input.
   */
  forwardBack(remoteSocket: string, localSocket: string): ChildProcessWithoutNullStreams {
    const flags = ["-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"];
    const args = [
      ...flags,
      ...this.#options,
      "-R",
      `${remoteSocket}:${localSocket}`,
      this.login.address,
      "cat",
    ];
    return spawn("ssh", args, { stdio: "pipe", detached: true });
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
