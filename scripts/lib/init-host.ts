/** The part of stack:init about the host: which address, which key answers there, how to log in. Writes nothing. */

import { existsSync, readFileSync } from "node:fs";
import { isAddress, isDomain, parseIpv4 } from "../../stacks/config/network.ts";
import type { InitOptions } from "./init-options.ts";
import type { Prompter } from "./prompt.ts";
import { fingerprint, generateKeyPair, installKey, readHostKey } from "./ssh-host.ts";
import type { KeyPair } from "./ssh-host.ts";
import { isExampleAddress, isExampleDomain } from "./stack-file.ts";
import type { StackFile } from "./stack-file.ts";
import { UserError } from "./user-error.ts";

export type Values = Readonly<Record<string, string>>;

/** Plain values to write, by path below `platform:`. */
export interface HostPlan {
  readonly plain: Values;
  readonly kept: readonly string[];
}

const conflict = (key: string, have: string, want: string, path: string): UserError =>
  new UserError(
    `${key}: the stack file says "${have}", you say "${want}"; nothing was changed. If the file is wrong: pulumi config set --path '${path}' ${want}`,
  );

const needed = (key: string, flag: string): UserError =>
  new UserError(`${key}: still an example; pass ${flag}, or --keep-examples for a preview without a host`);

/** The domain to write, or undefined to leave it. */
export const chooseDomain = async (
  file: StackFile,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<string | undefined> => {
  if (!isExampleDomain(file.domain)) {
    if (o.domain !== undefined && o.domain !== file.domain) {
      throw conflict("domain", file.domain ?? "", o.domain, "platform:domain");
    }
    return undefined;
  }
  if (o.domain !== undefined) return o.domain;
  if (o.keepExamples) return undefined;
  if (prompter === undefined) throw needed("domain", "--domain");
  const answer = await prompter.ask("Domain (the API will be served at api.<domain>):");
  if (!isDomain(answer)) throw new UserError(`domain: "${answer}" is not a domain name such as example.com`);
  return answer;
};

const chooseAddress = async (
  file: StackFile,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<string | undefined> => {
  if (!isExampleAddress(file.hostAddress)) {
    if (o.host !== undefined && o.host !== file.hostAddress) {
      throw conflict("host.address", file.hostAddress ?? "", o.host, "platform:host.address");
    }
    return undefined;
  }
  if (o.host !== undefined) return o.host;
  if (o.keepExamples) return undefined;
  if (prompter === undefined) throw needed("host.address", "--host");
  const answer = await prompter.ask("Address of the host (IPv4 or name):");
  if (!isAddress(answer))
    throw new UserError(`host.address: "${answer}" is neither an IPv4 address nor a host name`);
  return answer;
};

const confirm = async (
  key: string,
  address: string,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<void> => {
  const shown = fingerprint(key);
  if (o.fingerprint !== undefined) {
    if (o.fingerprint !== shown) {
      throw new UserError(
        `host.hostKey: ${address} shows ${shown}, you expect ${o.fingerprint}; nothing was written. Someone may stand between you and the host, or the host was rebuilt.`,
      );
    }
    return;
  }
  if (prompter === undefined) {
    throw new UserError(
      `host.hostKey: ${address} shows ${shown}; compare it on the provider's console, then pass --host-key-fingerprint ${shown}`,
    );
  }
  const answer = await prompter.ask(
    `${address} shows the ed25519 host key ${shown}\n` +
      "Compare it on the provider's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n" +
      "Is it the same? (yes/no)",
  );
  if (answer !== "yes") throw new UserError("host.hostKey: not confirmed; nothing was written");
};

const chooseHostKey = async (
  file: StackFile,
  address: string,
  isExample: boolean,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<string | undefined> => {
  if (file.hostKey !== undefined && !isExample) {
    const known = fingerprint(file.hostKey);
    const wanted = o.hostKey === undefined ? o.fingerprint : fingerprint(o.hostKey);
    if (wanted !== undefined && wanted !== known) {
      throw new UserError(
        `host.hostKey: the stack file pins ${known}, you expect ${wanted}; nothing was written. After a rebuild of the host: pulumi config rm --path 'platform:host.hostKey', then run this again.`,
      );
    }
    return undefined;
  }
  if (o.hostKey !== undefined) return o.hostKey;
  const key = await readHostKey({ address, port: file.sshPort });
  await confirm(key, address, o, prompter);
  return key;
};

/** Address, node address, user and pinned key. Asks and contacts the host only for what is missing. */
export const planHost = async (
  file: StackFile,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<HostPlan> => {
  const address = await chooseAddress(file, o, prompter);
  if (address === undefined && isExampleAddress(file.hostAddress)) {
    return { plain: {}, kept: ["host.address (example)", "host.hostKey (example)"] };
  }
  const target = address ?? file.hostAddress ?? "";
  const hostKey = await chooseHostKey(file, target, address !== undefined, o, prompter);
  const nodeIp = isExampleAddress(file.nodeIp) && parseIpv4(target) !== undefined ? target : undefined;
  const user = o.user !== undefined && o.user !== file.user ? o.user : undefined;
  if (nodeIp === undefined && isExampleAddress(file.nodeIp)) {
    throw new UserError(
      "cluster.nodeIp: still an example, and the host has a name instead of an address; pulumi config set --path 'platform:cluster.nodeIp' ADDRESS",
    );
  }
  const chosen = {
    "host.address": address,
    "host.hostKey": hostKey,
    "host.user": user,
    "cluster.nodeIp": nodeIp,
  };
  const entries = Object.entries(chosen);
  return {
    plain: Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
    kept: entries.flatMap(([key, value]) => (value === undefined ? [key] : [])),
  };
};

/** How the stack logs in from now on. */
export interface LoginPlan {
  readonly privateKey: string | undefined;
  readonly useAgent: boolean;
  /** Shown to the person, to be installed or as a record. */
  readonly publicKey: string | undefined;
}

const readKeyFile = (path: string): string => {
  if (!existsSync(path)) throw new UserError(`--ssh-key: ${path} does not exist`);
  const key = readFileSync(path, "utf8");
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key))
    throw new UserError(`--ssh-key: ${path} is no private key`);
  return key;
};

const password = async (prompter: Prompter | undefined): Promise<string> => {
  const given = process.env["STACK_INIT_PASSWORD"];
  if (given !== undefined && given !== "") return given;
  if (prompter === undefined)
    throw new UserError("--root-password: set STACK_INIT_PASSWORD, or run without --non-interactive");
  return prompter.askSecret("Password (used once, not stored):");
};

/** What the plan knows about the host when the login is chosen. */
export interface LoginTarget {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string;
}

const way = async (
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<"agent" | "generate" | "password" | { readonly file: string }> => {
  if (o.sshAgent) return "agent";
  if (o.sshKeyFile !== undefined) return { file: o.sshKeyFile };
  if (o.generateSshKey) return "generate";
  if (o.rootPassword) return "password";
  if (prompter === undefined) {
    throw new UserError(
      "sshPrivateKey: missing; pass one of --ssh-key FILE, --generate-ssh-key, --root-password, --ssh-agent",
    );
  }
  const answer = await prompter.ask(
    'SSH: path of a private key, or "agent", "password" (installs a new key), "generate":',
  );
  return answer === "agent" || answer === "password" || answer === "generate" ? answer : { file: answer };
};

/** Key, agent or a new key that a password lets in. With a password this is the one step that changes the host. */
export const planLogin = async (
  target: LoginTarget,
  comment: string,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<LoginPlan> => {
  const chosen = await way(o, prompter);
  if (chosen === "agent") return { privateKey: undefined, useAgent: true, publicKey: undefined };
  if (typeof chosen === "object")
    return { privateKey: readKeyFile(chosen.file), useAgent: false, publicKey: undefined };
  const keys: KeyPair = await generateKeyPair(comment);
  if (chosen === "password") await installKey(target, await password(prompter), keys);
  return { privateKey: keys.privateKey, useAgent: false, publicKey: keys.publicKey };
};
