/** What `stack:init` does, without the process around it. */

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { issuedSecretKeys } from "../../stacks/config/secrets.ts";
import type { SecretKey } from "../../stacks/config/secrets.ts";
import { createCertificateAuthority } from "./ca.ts";
import { chooseDomain, planHost, planLogin } from "./init-host.ts";
import type { HostPlan, LoginPlan } from "./init-host.ts";
import { parseOptions, usage } from "./init-options.ts";
import type { InitOptions } from "./init-options.ts";
import { changeReaders } from "./init-readers.ts";
import { prepareState } from "./init-state.ts";
import type { Prompter } from "./prompt.ts";
import { ensureStack, getSecret, setPlain, setSecret } from "./pulumi-cli.ts";
import type { PulumiStack } from "./pulumi-cli.ts";
import { repositoryPath } from "./repository.ts";
import { isExampleCertificate, readStackFile } from "./stack-file.ts";
import type { StackFile } from "./stack-file.ts";
import { UserError } from "./user-error.ts";

/** 32 random bytes as 64 hex characters: safe in URLs, files and shells. */
const strongSecret = (): string => randomBytes(32).toString("hex");

/** Secrets that stack:init cannot make because someone else issues them. */
const issuedElsewhere: ReadonlySet<SecretKey> = new Set(issuedSecretKeys);

/** Made and completed apart, because it holds one password for each name. */
const readerKey = "postgresReaderPasswords" satisfies SecretKey;

const madeApart: ReadonlySet<SecretKey> = new Set(["caPrivateKey", "sshPrivateKey", readerKey]);

const escrowNote =
  "backupEncryptionKey: without it every backup is lost, for ever; keep a copy outside of this repository and of the machine: pulumi config get platform:backupEncryptionKey";

interface Plan {
  readonly plain: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Partial<Record<SecretKey, string>>>;
  /** Written last: until then the old certificate marks the CA as unfinished. */
  readonly certificate: string | undefined;
  readonly kept: readonly string[];
  readonly notes: readonly string[];
}

const planAuthority = async (
  file: StackFile,
  o: InitOptions,
): Promise<Pick<Plan, "secrets" | "certificate">> => {
  const hasKey = file.presentSecrets.has("caPrivateKey");
  const isExample = isExampleCertificate(file.certificate);
  if (hasKey && !isExample && !o.newCa) return { secrets: {}, certificate: undefined };
  if (!hasKey && !isExample && !o.newCa) {
    throw new UserError(
      "caPrivateKey: missing, but caCertificate is there; restore the key from your backup, or pass --new-ca: every client then needs the new certificate",
    );
  }
  const ca = await createCertificateAuthority(file.prefix, new Date());
  return { secrets: { caPrivateKey: ca.privateKey }, certificate: ca.certificate };
};

const noLogin: LoginPlan = { privateKey: undefined, useAgent: false, publicKey: undefined };
const noHost: HostPlan = { plain: {}, kept: [] };

const planLoginIfNeeded = async (
  file: StackFile,
  host: HostPlan,
  o: InitOptions,
  prompter: Prompter | undefined,
): Promise<LoginPlan> => {
  const needed = file.neededSecrets.includes("sshPrivateKey") && !file.presentSecrets.has("sshPrivateKey");
  if (!needed) return noLogin;
  const target = {
    address: host.plain["host.address"] ?? file.hostAddress ?? "",
    port: file.sshPort,
    user: host.plain["host.user"] ?? file.user,
    hostKey: host.plain["host.hostKey"] ?? file.hostKey ?? "",
  };
  return planLogin(target, `${file.prefix} stack ${o.stack}`, o, prompter);
};

const makePlan = async (file: StackFile, o: InitOptions, prompter: Prompter | undefined): Promise<Plan> => {
  const authority = await planAuthority(file, o);
  const domain = await chooseDomain(file, o, prompter);
  const host = file.source === "own" ? await planHost(file, o, prompter) : noHost;
  const login = await planLoginIfNeeded(file, host, o, prompter);
  const missing = file.neededSecrets.filter((key) => !file.presentSecrets.has(key) && !madeApart.has(key));
  const generated = missing
    .filter((key) => !issuedElsewhere.has(key))
    .map((key) => [key, strongSecret()] as const);
  return {
    plain: {
      ...host.plain,
      ...(domain === undefined ? {} : { domain }),
      ...(login.useAgent ? { "host.sshAuth": "agent" } : {}),
    },
    secrets: {
      ...Object.fromEntries(generated),
      ...(login.privateKey === undefined ? {} : { sshPrivateKey: login.privateKey }),
      ...authority.secrets,
    },
    certificate: authority.certificate,
    kept: [
      ...host.kept,
      ...(domain === undefined ? ["domain"] : []),
      ...file.neededSecrets.filter(
        (key) => key !== readerKey && file.presentSecrets.has(key) && authority.secrets[key] === undefined,
      ),
      ...(authority.certificate === undefined ? ["caCertificate"] : []),
    ],
    notes: [
      ...missing
        .filter((key) => issuedElsewhere.has(key))
        .map((key) => `${key}: issued elsewhere; pulumi config set --secret platform:${key}`),
      ...(missing.includes("backupEncryptionKey") ? [escrowNote] : []),
      ...(login.publicKey === undefined ? [] : [`public key of the stack: ${login.publicKey}`]),
    ],
  };
};

const passphraseBackends = ["file://", "s3://", "gs://", "azblob://"];

/** pulumi would ask for a passphrase on a terminal that it does not have here. */
const checkPassphrase = (o: InitOptions): void => {
  const env = process.env;
  const backend = env["PULUMI_BACKEND_URL"] ?? "";
  const isSet =
    env["PULUMI_CONFIG_PASSPHRASE"] !== undefined || env["PULUMI_CONFIG_PASSPHRASE_FILE"] !== undefined;
  if (
    !isSet &&
    o.secretsProvider === undefined &&
    passphraseBackends.some((start) => backend.startsWith(start))
  ) {
    throw new UserError(
      "PULUMI_CONFIG_PASSPHRASE_FILE: not set; write a passphrase of at least 20 characters into a file that only you can read, one per stack, and keep a copy elsewhere: without it the secrets are lost",
    );
  }
};

/** Adds passwords for new readers and removes those of readers who left; the others keep theirs. */
const applyReaders = async (stack: PulumiStack, file: StackFile, print: Console["print"]): Promise<void> => {
  if (file.readers.length === 0) return;
  const stored = file.presentSecrets.has(readerKey) ? await getSecret(stack, readerKey) : undefined;
  const change = changeReaders(file.readers, stored, strongSecret);
  if (change === undefined) {
    print(`kept    ${readerKey}`);
    return;
  }
  await setSecret(stack, readerKey, change.value);
  print(`set     ${readerKey} (secret)`);
  for (const name of change.added) print(`note    ${readerKey}: made a password for ${name}`);
  for (const name of change.removed) print(`note    ${readerKey}: removed the password of ${name}`);
};

const apply = async (plan: Plan, file: StackFile, o: InitOptions, print: Console["print"]): Promise<void> => {
  const stack = {
    name: o.stack,
    configFile: o.configFile === undefined ? undefined : resolve(o.configFile),
    secretsProvider: o.secretsProvider,
  };
  if (await ensureStack(stack)) print(`created stack ${o.stack} in the backend`);
  await setPlain(stack, plan.plain);
  for (const key of Object.keys(plan.plain)) print(`set     ${key}`);
  for (const [key, value] of Object.entries(plan.secrets)) {
    await setSecret(stack, key, value);
    print(`set     ${key} (secret)`);
  }
  await applyReaders(stack, file, print);
  if (plan.certificate !== undefined) {
    await setPlain(stack, { caCertificate: plan.certificate });
    print("set     caCertificate");
  }
  for (const key of plan.kept) print(`kept    ${key}`);
  for (const note of plan.notes) print(`note    ${note}`);
};

/** Where questions go and answers come from. */
export interface Console {
  readonly print: (line: string) => void;
  /** Called only for an interactive run. */
  readonly prompter: () => Prompter;
}

/**
 * Prepares the stack file that `argv` names.
 * @throws UserError that names the key or flag; nothing was written then
 */
export const stackInit = async (
  argv: readonly string[],
  { print, prompter: open }: Console,
): Promise<void> => {
  const options = parseOptions(argv);
  if (options === undefined) {
    print(usage);
    return;
  }
  const prompter = options.interactive ? open() : undefined;
  try {
    if (!(await prepareState(options, prompter, print))) return;
    checkPassphrase(options);
    const path =
      options.configFile === undefined
        ? repositoryPath(`Pulumi.${options.stack}.yaml`)
        : resolve(options.configFile);
    const file = readStackFile(path);
    await apply(await makePlan(file, options, prompter), file, options, print);
  } finally {
    prompter?.close();
  }
};
