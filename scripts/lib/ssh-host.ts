/** What stack:init does to a host over SSH: read its key, and once, with a password, let our key in. */

import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostKeyProblem } from "../../stacks/config/syntax.ts";
import { run } from "./run.ts";
import { UserError } from "./user-error.ts";

export interface HostAddress {
  readonly address: string;
  readonly port: number;
}

const scanSeconds = 10;

/** `SHA256:…` as ssh-keygen -l shows it. */
export const fingerprint = (hostKey: string): string => {
  const blob = Buffer.from(hostKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
};

/** The ed25519 key in the output of ssh-keyscan, as `ssh-ed25519 AAAA…`, or undefined. */
export const parseKeyscan = (output: string): string | undefined => {
  const keys = output
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim().split(/\s+/).slice(1).join(" "))
    .filter((key) => hostKeyProblem(key) === undefined);
  return keys[0];
};

/**
 * The host key that answers now. Nobody vouches for it yet: its fingerprint has to be compared with the console's.
 * @throws UserError when the host does not answer or offers no ed25519 key
 */
export const readHostKey = async (host: HostAddress): Promise<string> => {
  const args = ["-t", "ed25519", "-T", String(scanSeconds), "-p", String(host.port), host.address];
  const { stdout } = await run("ssh-keyscan", args, { timeoutSeconds: scanSeconds * 3 });
  const key = parseKeyscan(stdout);
  if (key === undefined) {
    throw new UserError(
      `host.address: ${host.address} port ${String(host.port)} offers no ed25519 host key; is the address right, is SSH reachable from here?`,
    );
  }
  return key;
};

export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

const inPrivateDirectory = async <T>(work: (directory: string) => Promise<T>): Promise<T> => {
  const directory = mkdtempSync(join(tmpdir(), "stack-init-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

/** A new ed25519 key without passphrase, in the format that every SSH client reads. */
export const generateKeyPair = (comment: string): Promise<KeyPair> =>
  inPrivateDirectory(async (directory) => {
    const file = join(directory, "id_ed25519");
    const made = await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
    if (made.code !== 0) throw new UserError(`ssh-keygen: ${made.stderr.trim()}`);
    return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
  });

const addKeyScript = [
  "set -eu",
  "umask 077",
  "read -r key",
  "mkdir -p ~/.ssh",
  "touch ~/.ssh/authorized_keys",
  'grep -qxF "$key" ~/.ssh/authorized_keys || printf \'%s\\n\' "$key" >> ~/.ssh/authorized_keys',
].join("; ");

interface Login extends HostAddress {
  readonly user: string;
  readonly hostKey: string;
}

const sshOptions = (login: Login, directory: string): readonly string[] => {
  const known = join(directory, "known_hosts");
  writeFileSync(
    known,
    `[${login.address}]:${String(login.port)} ${login.hostKey}\n${login.address} ${login.hostKey}\n`,
  );
  const options = {
    UserKnownHostsFile: known,
    GlobalKnownHostsFile: "/dev/null",
    StrictHostKeyChecking: "yes",
    HostKeyAlgorithms: "ssh-ed25519",
    ConnectTimeout: "15",
    ControlPath: "none",
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return ["-F", "/dev/null", ...flags, "-p", String(login.port), "-l", login.user];
};

/**
 * Logs in once with a password and appends `publicKey` to authorized_keys, then proves that the new key opens the door.
 * The password reaches ssh through the environment of this one process: no argument list, no file holds it.
 */
export const installKey = (login: Login, password: string, keys: KeyPair): Promise<void> =>
  inPrivateDirectory(async (directory) => {
    const askpass = join(directory, "askpass");
    writeFileSync(askpass, "#!/bin/sh\nprintf '%s\\n' \"$STACK_INIT_PASSWORD\"\n");
    chmodSync(askpass, 0o700);
    const base = sshOptions(login, directory);
    const once = ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"];
    const added = await run("ssh", [...base, ...once, login.address, addKeyScript], {
      input: `${keys.publicKey}\n`,
      env: {
        ...process.env,
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: "force",
        DISPLAY: ":0",
        STACK_INIT_PASSWORD: password,
      },
    });
    if (added.code !== 0) {
      throw new UserError(
        `host: ${login.user}@${login.address} did not take the new key by password: ${added.stderr.trim()}`,
      );
    }
    const identity = join(directory, "id_ed25519");
    writeFileSync(identity, keys.privateKey, { mode: 0o600 });
    const own = ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-i", identity];
    const proof = await run("ssh", [...base, ...own, login.address, "true"]);
    if (proof.code !== 0) {
      throw new UserError(
        `host: the new key was added on ${login.address}, but does not open it: ${proof.stderr.trim()}`,
      );
    }
  });
