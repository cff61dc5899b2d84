/** Flags of stack:init. */

import { parseArgs } from "node:util";
import { isAddress, isDomain } from "../../stacks/config/network.ts";
import { hostKeyProblem } from "../../stacks/config/syntax.ts";
import { stateBucketProblem } from "./state-bucket.ts";
import type { StateBucket } from "./state-bucket.ts";
import { UserError } from "./user-error.ts";

export const usage = `usage: npm run stack:init -- STACK [flags]

Prepares the stack file Pulumi.STACK.yaml: reads and pins the host's key, makes the secrets and the internal CA, and
stores them encrypted. What is there already stays as it is.

  --host ADDRESS                 IPv4 address or name of the host
  --user NAME                    user for SSH (default: the file's, else root)
  --domain NAME                  the API will be served at api.NAME
  --host-key-fingerprint SHA256:…  the fingerprint you read on the provider's console; no question is asked
  --host-key "ssh-ed25519 AAAA…"   the whole key, from elsewhere; the host is not contacted
  --ssh-key FILE                 store this private key
  --ssh-agent                    use the SSH agent instead of a stored key
  --generate-ssh-key             store a new key and show its public half
  --root-password                log in once by password to install a new key; asked for, or read from the
                                 environment variable STACK_INIT_PASSWORD
  --new-ca                       replace the internal CA although its certificate is in the file
  --keep-examples                leave example address, host key and domain alone (for a preview without a host)
  --state-bucket NAME            keep Pulumi's state in this S3 bucket: checks it, switches versioning on and shows the
                                 login command. Key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; it is not stored
  --state-endpoint URL           the store, such as https://eu2.contabostorage.com
  --state-region NAME            its region (default: default)
  --config-file PATH             another stack file than Pulumi.STACK.yaml
  --secrets-provider URL         how to encrypt, for a new stack (default: passphrase)
  --non-interactive              ask nothing; what is missing is an error
`;

export interface InitOptions {
  readonly stack: string;
  readonly host: string | undefined;
  readonly user: string | undefined;
  readonly domain: string | undefined;
  readonly fingerprint: string | undefined;
  readonly hostKey: string | undefined;
  readonly sshKeyFile: string | undefined;
  readonly sshAgent: boolean;
  readonly generateSshKey: boolean;
  readonly rootPassword: boolean;
  readonly newCa: boolean;
  readonly keepExamples: boolean;
  /** Where the state shall be. Undefined: wherever pulumi is logged in. */
  readonly state: StateBucket | undefined;
  readonly configFile: string | undefined;
  readonly secretsProvider: string | undefined;
  readonly interactive: boolean;
}

const string = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;

const read = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        host: string,
        user: string,
        domain: string,
        "host-key-fingerprint": string,
        "host-key": string,
        "ssh-key": string,
        "ssh-agent": flag,
        "generate-ssh-key": flag,
        "root-password": flag,
        "new-ca": flag,
        "keep-examples": flag,
        "state-bucket": string,
        "state-endpoint": string,
        "state-region": string,
        "config-file": string,
        "secrets-provider": string,
        "non-interactive": flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
};

const check = (value: string | undefined, ok: (value: string) => boolean, problem: string): void => {
  if (value !== undefined && !ok(value)) throw new UserError(problem);
};

const readState = (v: ReturnType<typeof read>["values"]): StateBucket | undefined => {
  const { "state-bucket": bucket, "state-endpoint": endpoint, "state-region": region } = v;
  if (bucket === undefined && endpoint === undefined && region === undefined) return undefined;
  if (bucket === undefined || endpoint === undefined) {
    throw new UserError("--state-bucket, --state-endpoint: only together");
  }
  const state = { bucket, endpoint, region: region ?? "default" };
  const problem = stateBucketProblem(state);
  if (problem !== undefined) throw new UserError(problem);
  return state;
};

/** @throws UserError that names the flag; undefined when help was asked for. */
export const parseOptions = (argv: readonly string[]): InitOptions | undefined => {
  const { values: v, positionals } = read(argv);
  if (v.help) return undefined;
  const [stack, ...more] = positionals;
  if (stack === undefined || more.length > 0 || !/^[A-Za-z0-9._-]{1,100}$/.test(stack)) {
    throw new UserError(
      `STACK: exactly one stack name is needed, seen: ${positionals.join(" ") || "none"}\n\n${usage}`,
    );
  }
  check(v.host, isAddress, `--host: "${v.host ?? ""}" is neither an IPv4 address nor a host name`);
  check(v.domain, isDomain, `--domain: "${v.domain ?? ""}" is not a domain name such as example.com`);
  check(
    v.user,
    (user) => /^[a-z_][a-z0-9_-]{0,31}$/.test(user),
    `--user: "${v.user ?? ""}" is not a Linux user name`,
  );
  check(
    v["host-key-fingerprint"],
    (text) => /^SHA256:[A-Za-z0-9+/]{43}$/.test(text),
    `--host-key-fingerprint: "${v["host-key-fingerprint"] ?? ""}" is not of the form SHA256: and 43 characters`,
  );
  check(
    v["host-key"],
    (key) => hostKeyProblem(key) === undefined,
    `--host-key: ${hostKeyProblem(v["host-key"] ?? "") ?? ""}`,
  );
  const ways = [v["ssh-key"] !== undefined, v["ssh-agent"], v["generate-ssh-key"], v["root-password"]];
  if (ways.filter(Boolean).length > 1) {
    throw new UserError("--ssh-key, --ssh-agent, --generate-ssh-key, --root-password: choose one");
  }
  return {
    stack,
    host: v.host,
    user: v.user,
    domain: v.domain,
    fingerprint: v["host-key-fingerprint"],
    hostKey: v["host-key"],
    sshKeyFile: v["ssh-key"],
    sshAgent: v["ssh-agent"],
    generateSshKey: v["generate-ssh-key"],
    rootPassword: v["root-password"],
    newCa: v["new-ca"],
    keepExamples: v["keep-examples"],
    state: readState(v),
    configFile: v["config-file"],
    secretsProvider: v["secrets-provider"],
    interactive: !v["non-interactive"],
  };
};
