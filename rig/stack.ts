/**
 * A stack of the real program on a throw-away host of the rig: its settings, its secrets, its engine.
 * Used by `make local` and by the engine and end-to-end tests, each with a work directory of its own.
 *
 * State held: everything below the work directory (Pulumi state and home, passphrase, stack file).
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { parse, stringify } from "yaml";

import { imageNames } from "../components/workload/images.ts";
import { execute, must, repository, type Result, type RunOptions } from "./process.ts";
import { alertsTo, backupsTo, receiver, type External } from "./services.ts";

const run = promisify(execFile);

export { execute, must, repository, type Result, type RunOptions } from "./process.ts";

const script = (...path: string[]): string => join(repository, "rig", ...path);

/** Commands of `rig/host/host.sh`. */
export const host = async (...args: string[]): Promise<string> =>
  (await run(script("host", "host.sh"), args, { maxBuffer: 1 << 26 })).stdout.trim();

/** Runs a command on a throw-away host as root; rejects when it fails. */
export const onHost = (name: string, ...command: string[]): Promise<string> =>
  host("exec", name, "--", ...command);

export interface Artifacts {
  readonly path: string;
  readonly manifestSha256: string;
  /** Catalogue name to reference with digest, plus test images. */
  readonly images: Readonly<Record<string, string>>;
  /** What an image made here carries beside its program, by catalogue name. */
  readonly contents: Readonly<Record<string, readonly string[]>>;
}

/** Image archives that the stack itself needs; the tests add the next version of the application. */
export const stackArchives = ["system", "postgres", "pgbouncer", "cache", "traefik", "app"] as const;
const testArchives = [...stackArchives, "app-next"] as const;
const monitoringArchives = ["exporters", "monitoring"] as const;

/** Builds (or finds) the artifacts directory and the references of the images in it. */
export const artifacts = async (archives: readonly string[] = testArchives): Promise<Artifacts> => {
  const path = await must(script("artifacts.sh"), archives, { echo: "stderr", timeoutSeconds: 3600 });
  const images = await must(script("images", "build.sh"), archives, { echo: "stderr", timeoutSeconds: 3600 });
  const refs = JSON.parse(readFileSync(join(images, "images.json"), "utf8")) as Record<string, unknown> & {
    contents: Artifacts["contents"];
  };
  const manifestSha256 = createHash("sha256")
    .update(readFileSync(join(path, "manifest.json")))
    .digest("hex");
  return {
    path,
    manifestSha256,
    images: Object.fromEntries(
      Object.entries(refs).filter((e): e is [string, string] => typeof e[1] === "string"),
    ),
    contents: refs.contents,
  };
};

type Settings = Record<string, unknown>;
interface StackFile {
  encryptionsalt?: string;
  config: Settings;
}

const isRecord = (value: unknown): value is Settings =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `over` on top of `base`, key by key in nested objects; `null` in `over` removes a key. */
export const merge = (base: Settings, over: Settings): Settings => {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    if (value === null) {
      Reflect.deleteProperty(result, key);
    } else {
      result[key] = isRecord(value) && isRecord(below) ? merge(below, value) : value;
    }
  }
  return result;
};

const isSecret = (value: unknown): boolean => isRecord(value) && "secure" in value;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export interface RigStackArgs {
  /** Holds the state, the passphrase and the stack file. */
  readonly directory: string;
  /** A host made by `rig/host/host.sh create`. @default none: the stack keeps its example address, for previews */
  readonly hostName?: string;
  /** The stack. @default "local" */
  readonly stack?: string;
  /** Image archives to upload. @default the stack's own and those that tests need */
  readonly archives?: readonly string[];
  /** Name of an object store of the rig, which is started: the stack's backups go there. @default no backups */
  readonly store?: string;
  /** Name of a receiver of the rig, which is started: the stack is watched, and its alerts go there. @default no monitoring */
  readonly receiver?: string;
}

/** One stack in one work directory. */
export class RigStack {
  readonly directory: string;
  readonly hostName: string | undefined;
  readonly stack: string;
  readonly configFile: string;
  private readonly archives: readonly string[];
  private readonly store: string | undefined;
  private readonly receiver: string | undefined;

  constructor(args: RigStackArgs) {
    this.directory = resolve(args.directory);
    this.hostName = args.hostName;
    this.stack = args.stack ?? "local";
    this.store = args.store;
    this.receiver = args.receiver;
    this.archives = [
      // The public image carries no wal-g, and no host of the rig could download it.
      ...(args.archives ?? testArchives).map((name) =>
        name === "postgres" && args.store !== undefined ? "postgres-full" : name,
      ),
      ...(args.receiver === undefined ? [] : monitoringArchives),
    ];
    this.configFile = join(this.directory, `Pulumi.${this.stack}.yaml`);
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
  }

  /** Runs any command in the stack's environment (rig/env.sh). */
  inEnvironment(command: readonly string[], options: RunOptions = {}): Promise<Result> {
    return execute(script("env.sh"), [this.directory, ...command], options);
  }

  /** Runs the Pulumi CLI on this stack and its own stack file. */
  pulumi(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const target = ["--stack", this.stack, "--config-file", this.configFile];
    return this.inEnvironment(["pulumi", "--non-interactive", ...args, ...target], options);
  }

  /** `pulumi` commands that take no `--config-file` (stack, state, cancel). */
  engine(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.inEnvironment(["pulumi", "--non-interactive", ...args, "--stack", this.stack], options);
  }

  /**
   * Writes the stack file: the committed example, what this machine decides, `over` on top.
   * Secrets and the encryption salt of an existing file stay.
   */
  async configure(over: Settings = {}): Promise<void> {
    const committed = parse(readFileSync(join(repository, `Pulumi.${this.stack}.yaml`), "utf8")) as StackFile;
    const existing: StackFile = existsSync(this.configFile)
      ? (parse(readFileSync(this.configFile, "utf8")) as StackFile)
      : { config: {} };
    const hasAuthority = isSecret(existing.config["platform:caPrivateKey"]);
    const kept = Object.fromEntries(
      Object.entries(existing.config).filter(
        ([key, value]) => isSecret(value) || (hasAuthority && key === "platform:caCertificate"),
      ),
    );
    // The committed certificate is an example without a key; `init` makes one of the stack's own.
    const example = merge(committed.config, { "platform:caCertificate": null });
    const outside = (await this.outside()).map((one) => one.settings);
    const settings = [await this.machineSettings(), ...outside, over, kept].reduce(merge, example);
    const file = {
      ...(existing.encryptionsalt === undefined ? {} : { encryptionsalt: existing.encryptionsalt }),
      config: settings,
    };
    writeFileSync(`${this.configFile}.new`, stringify(file), { mode: 0o600 });
    renameSync(`${this.configFile}.new`, this.configFile);
  }

  /** Address, host key and artifacts: what only this machine knows. */
  private async machineSettings(): Promise<Settings> {
    if (this.hostName === undefined) return {};
    const built = await artifacts(this.archives);
    const address = await host("ip", this.hostName);
    const carried = built.contents["postgres"];
    return {
      "platform:host": { address, hostKey: await host("hostkey", this.hostName), hostname: this.hostName },
      "platform:cluster": {
        nodeName: this.hostName,
        nodeIp: address,
        artifacts: { source: "directory", path: built.path, manifestSha256: built.manifestSha256 },
      },
      "platform:images": Object.fromEntries(
        Object.entries(built.images).filter(([name]) => (imageNames as readonly string[]).includes(name)),
      ),
      ...(carried === undefined ? {} : { "platform:data": { postgres: { imageContents: carried } } }),
    };
  }

  /** Makes the stack and its secrets; what exists stays. */
  async init(options: RunOptions = {}): Promise<void> {
    const made = await this.engine(["stack", "ls", "--json"]);
    if (made.code !== 0 || !made.stdout.includes(`"${this.stack}"`)) {
      await this.inEnvironment(
        ["pulumi", "--non-interactive", "stack", "init", this.stack, "--config-file", this.configFile],
        options,
      );
    }
    const key = await this.clientKey();
    const target =
      this.hostName === undefined
        ? ["--keep-examples"]
        : ["--host", await host("ip", this.hostName), "--host-key", await host("hostkey", this.hostName)];
    const args = [
      "scripts/stack-init.ts",
      this.stack,
      "--config-file",
      this.configFile,
      "--non-interactive",
      "--ssh-key",
      key,
      ...target,
    ];
    const result = await this.inEnvironment(["node", ...args], options);
    if (result.code !== 0) throw new Error(`stack:init failed: ${result.stdout}\n${result.stderr}`);
    await this.introduce();
  }

  /** What the services outside of the cluster ask of the stack. */
  private async outside(): Promise<readonly External[]> {
    return [
      ...(this.store === undefined ? [] : [await backupsTo(this.store)]),
      ...(this.receiver === undefined ? [] : [await alertsTo(this.receiver)]),
    ];
  }

  /** The secrets that those services issue; and for the receiver a certificate of the stack's own CA, as it has a private address. */
  private async introduce(): Promise<void> {
    for (const { secrets } of await this.outside())
      for (const [key, value] of Object.entries(secrets)) await this.setSecret(key, value);
    if (this.receiver === undefined) return;
    const authority = await Promise.all(
      ["caPrivateKey", "caCertificate"].map(async (key) => {
        const result = await this.pulumi(["config", "get", `platform:${key}`]);
        if (result.code !== 0) throw new Error(`reading ${key} failed: ${result.stderr}`);
        return result.stdout;
      }),
    );
    await receiver(["certify", this.receiver], authority.join("\n"));
  }

  /**
   * Removes the locks that killed engines left. A lock names its process: as long as one of them lives, nothing is
   * touched and the engine itself will say who holds the stack.
   */
  async releaseDeadLocks(): Promise<void> {
    const locks = join(this.directory, "state", ".pulumi", "locks", "organization", "platform", this.stack);
    if (!existsSync(locks)) return;
    const owners = readdirSync(locks).map(
      (file) => (JSON.parse(readFileSync(join(locks, file), "utf8")) as { pid: number }).pid,
    );
    if (owners.length > 0 && !owners.some(isAlive)) await this.engine(["cancel", "--yes"]);
  }

  /** Sets one more secret of the stack; the value travels on stdin. */
  async setSecret(key: string, value: string): Promise<void> {
    const result = await this.pulumi(["config", "set", "--secret", `platform:${key}`], { input: value });
    if (result.code !== 0) throw new Error(`setting ${key} failed: ${result.stderr}`);
  }

  /** The SSH key of the host, or one made for a stack without a host. */
  private async clientKey(): Promise<string> {
    if (this.hostName !== undefined) return join(repository, ".rig", "hosts", this.hostName, "id_ed25519");
    const key = join(this.directory, "id_ed25519");
    if (!existsSync(key)) await must("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    return key;
  }

  /** The stack's outputs; secrets stay hidden. */
  async outputs(): Promise<Settings> {
    const result = await this.engine(["stack", "output", "--json"]);
    if (result.code !== 0) throw new Error(`reading the outputs failed: ${result.stderr}`);
    return JSON.parse(result.stdout) as Settings;
  }
}
