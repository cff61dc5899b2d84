/** The part of the configuration reference about secrets. Pure. */

import { issuedSecretKeys, secretDeclarations, secretKeys } from "../../stacks/config/secrets.ts";
import type { SecretDeclaration, SecretKey } from "../../stacks/config/secrets.ts";

const secret = (key: SecretKey): SecretDeclaration => secretDeclarations[key];

/** Text for Markdown: no accidental columns, no `<name>` taken for HTML. */
export const cell = (text: string): string =>
  text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

const requirement: Readonly<Record<SecretDeclaration["required"], string>> = {
  always: "always",
  "own cluster": "`cluster.source: own`",
  "host.sshAuth key": "`host.sshAuth: key`",
  "cluster.registry": "`cluster.registry`",
  "data.backup": "`data.backup`",
  "data.postgres.readers": "`data.postgres.readers`",
  "monitoring.receiver webhook": "`monitoring.receiver.kind: webhook`",
  "monitoring.receiver smtp": "`monitoring.receiver.kind: smtp`",
  "monitoring.deadMansSwitch": "`monitoring.deadMansSwitch`",
};

const formText: Readonly<Record<NonNullable<SecretDeclaration["form"]>, string>> = {
  "private key": "PEM",
  "64 hex": "64 hex",
  "https URL": "https URL",
  "passwords by name": "JSON",
};

/** Lines of the section. */
export const secretsSection = (): readonly string[] => [
  "## Secrets",
  "",
  `\`npm run stack:init -- STACK\` makes them and stores them encrypted, except those that someone else issues: ${issuedSecretKeys.map((key) => `\`${key}\``).join(", ")}.`,
  "A secret in clear is refused, as is one below its length, one that is used twice, and one that the stack has no use for.",
  "To rotate one, store a new value and raise the `rotation` of the part that uses it.",
  "",
  "| Key | Needed with | Length or form | Meaning |",
  "|---|---|---|---|",
  ...secretKeys.map((key) => {
    const { form } = secret(key);
    const shape = form === undefined ? `≥ ${String(secret(key).minimumLength)}` : formText[form];
    return `| \`${key}\` | ${requirement[secret(key).required]} | ${shape} | ${cell(secret(key).description)} |`;
  }),
  "",
  "Each is set from standard input, so that it stands in no process list and no shell history:",
  "",
  "```sh",
  ...secretKeys.map((key) => `pulumi config set --secret platform:${key} < FILE`),
  "```",
  "",
];
