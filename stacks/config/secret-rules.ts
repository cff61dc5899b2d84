/** Checks of secret values. A message may hold the key's name and lengths, never a value. Pure. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { PartialSettings } from "./schema.ts";
import { secretDeclarations, secretKeys } from "./secrets.ts";
import type { SecretDeclaration, SecretKey } from "./secrets.ts";

/** The settings that decide which secrets a stack needs. */
export interface SecretUse {
  readonly cluster?: { readonly source: "own" | "shared"; readonly registry?: unknown } | undefined;
  readonly host?: { readonly sshAuth: "key" | "agent" } | undefined;
  readonly data?: {
    readonly postgres: { readonly readers: readonly string[] };
    readonly backup?: unknown;
  };
  readonly monitoring?:
    | { readonly receiver: { readonly kind: "webhook" | "smtp" }; readonly deadMansSwitch: boolean }
    | undefined;
}

/** Whether this stack needs the secret; undefined while the setting that decides could not be read. */
export const isNeeded = (key: SecretKey, s: SecretUse): boolean | undefined => {
  const source = s.cluster?.source;
  const declaration: SecretDeclaration = secretDeclarations[key];
  switch (declaration.required) {
    case "always":
      return true;
    case "own cluster":
      return source === undefined ? undefined : source === "own";
    case "host.sshAuth key":
      if (source === "shared") return false;
      return s.host === undefined ? undefined : s.host.sshAuth === "key";
    case "cluster.registry":
      if (s.cluster === undefined) return undefined;
      return s.cluster.source === "own" && s.cluster.registry !== undefined;
    case "data.backup":
      return s.data === undefined ? undefined : s.data.backup !== undefined;
    case "data.postgres.readers":
      return s.data === undefined ? undefined : s.data.postgres.readers.length > 0;
    default:
      return monitoringNeeds(declaration.required, s);
  }
};

const monitoringNeeds = (required: SecretDeclaration["required"], s: SecretUse): boolean | undefined => {
  if (!("monitoring" in s)) return undefined;
  const { monitoring } = s;
  switch (required) {
    case "monitoring.receiver webhook":
      return monitoring?.receiver.kind === "webhook";
    case "monitoring.receiver smtp":
      return monitoring?.receiver.kind === "smtp";
    case "monitoring.deadMansSwitch":
      return monitoring?.deadMansSwitch === true;
    default:
      return undefined;
  }
};

const presence = (
  key: SecretKey,
  value: string | undefined,
  s: PartialSettings,
  stack: string,
): readonly string[] => {
  const needed = isNeeded(key, s);
  const declaration: SecretDeclaration = secretDeclarations[key];
  if (needed === true && value === undefined) {
    return [
      `${key}: missing; ` +
        (declaration.issuedElsewhere === true
          ? `pulumi config set --secret platform:${key}`
          : `npm run stack:init -- ${stack} makes it`),
    ];
  }
  if (needed === false && value !== undefined) {
    return [
      `${key}: is set, but only used with ${declaration.required}; remove it: pulumi config rm platform:${key}`,
    ];
  }
  return [];
};

/** Database passwords stand in connection URLs, tokens in files: no character that needs escaping in either. */
const plainCharacters = /^[A-Za-z0-9._~-]*$/;

const openSshCipher = (pem: string): string | undefined => {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+)-----END/.exec(pem)?.[1];
  const bytes = Buffer.from(body ?? "", "base64");
  const magic = "openssh-key-v1\0";
  if (bytes.length < magic.length + 4 || bytes.subarray(0, magic.length).toString("latin1") !== magic)
    return undefined;
  const length = bytes.readUInt32BE(magic.length);
  return bytes.subarray(magic.length + 4, magic.length + 4 + length).toString("latin1");
};

const privateKeyProblem = (value: string): string | undefined => {
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\s[\s\S]+-----END [A-Z ]*PRIVATE KEY-----\s*$/.test(value)) {
    return "is not a complete PEM private key";
  }
  const cipher = openSshCipher(value);
  const locked = value.includes("ENCRYPTED") || (cipher !== undefined && cipher !== "none");
  return locked
    ? "is locked with a passphrase, which nobody can type during a run; take a key without one"
    : undefined;
};

/** A line break or a blank at an end is a slip of copying; the other side would only say "denied". */
const issuedCharacters = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

const httpsUrlProblem = (value: string): string | undefined => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === "https:" && /^[\x21-\x7e]+$/.test(value)
    ? undefined
    : "is not an https:// URL without blanks";
};

const formProblem = (form: NonNullable<SecretDeclaration["form"]>, value: string): string | undefined => {
  switch (form) {
    case "private key":
      return privateKeyProblem(value);
    case "64 hex":
      return /^[0-9a-f]{64}$/.test(value)
        ? undefined
        : `has to be exactly 64 characters of 0-9 and a-f (it has ${String(value.length)} characters); openssl rand -hex 32 makes one`;
    case "https URL":
      return httpsUrlProblem(value);
    case "passwords by name":
      return parsePasswords(value) === undefined
        ? 'is not a JSON object of texts such as {"name":"password"}'
        : undefined;
  }
};

const passwordProblems = (key: string, value: string, declaration: SecretDeclaration): readonly string[] => {
  const issued = declaration.issuedElsewhere === true;
  const remedy = issued ? "set the whole of what was issued" : "openssl rand -hex 32 makes one";
  return [
    ...(value.length < declaration.minimumLength
      ? [
          `${key}: has ${String(value.length)} characters, at least ${String(declaration.minimumLength)} are needed; ${remedy}`,
        ]
      : []),
    ...(!issued && !plainCharacters.test(value)
      ? [`${key}: holds characters that are not safe in a URL; only letters, digits and . _ ~ - are accepted`]
      : []),
    ...(issued && !issuedCharacters.test(value)
      ? [
          `${key}: starts or ends with a blank, or holds a line break or a character outside of ASCII; ${remedy}`,
        ]
      : []),
  ];
};

const shape = (key: SecretKey, value: string): readonly string[] => {
  const declaration: SecretDeclaration = secretDeclarations[key];
  if (declaration.form === undefined) return passwordProblems(key, value, declaration);
  const problem = formProblem(declaration.form, value);
  return problem === undefined ? [] : [`${key}: ${problem}`];
};

/** `{"name":"password"}`, or undefined when the text is something else. */
export const parsePasswords = (value: string): Readonly<Record<string, string>> | undefined => {
  try {
    const parsed: unknown = JSON.parse(value);
    const isRecord = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isRecord && Object.values(parsed).every((inner) => typeof inner === "string")
      ? (parsed as Readonly<Record<string, string>>)
      : undefined;
  } catch {
    return undefined;
  }
};

/** Names may be shown, they stand in clear in `data.postgres.readers` too; passwords never. */
const readerProblems = (value: string | undefined, s: PartialSettings, stack: string): readonly string[] => {
  const passwords = parsePasswords(value ?? "");
  const readers = s.data?.postgres.readers ?? [];
  if (passwords === undefined || readers.length === 0) return [];
  const key = "postgresReaderPasswords";
  const declaration: SecretDeclaration = { ...secretDeclarations[key] };
  const strange = Object.keys(passwords).filter((name) => !readers.includes(name));
  return [
    ...readers
      .filter((name) => passwords[name] === undefined)
      .map((name) => `${key}: holds no password for "${name}"; npm run stack:init -- ${stack} adds it`),
    ...strange.map(
      (name) =>
        `${key}: holds a password for "${name}", who is not in data.postgres.readers; npm run stack:init -- ${stack} removes it`,
    ),
    ...readers.flatMap((name) =>
      passwords[name] === undefined ? [] : passwordProblems(`${key}.${name}`, passwords[name], declaration),
    ),
  ];
};

const repeated = (values: Readonly<Partial<Record<SecretKey, string>>>): readonly string[] =>
  secretKeys.flatMap((key, i) => {
    const twin = secretKeys
      .slice(0, i)
      .find((other) => values[other] !== undefined && values[other] === values[key]);
    return twin === undefined
      ? []
      : [`${key}: is the same as ${twin}; every secret needs a value of its own`];
  });

const certificateAuthority = (
  certificate: string | undefined,
  privateKey: string | undefined,
): readonly string[] => {
  if (certificate === undefined) return [];
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch {
    return ["caCertificate: is not a readable X.509 certificate; stack:init makes one"];
  }
  if (!parsed.ca)
    return ["caCertificate: is not the certificate of a CA (basicConstraints CA:TRUE is missing)"];
  if (privateKey === undefined || privateKeyProblem(privateKey) !== undefined) return [];
  try {
    return parsed.checkPrivateKey(createPrivateKey(privateKey))
      ? []
      : ["caPrivateKey: does not belong to caCertificate"];
  } catch {
    return ["caPrivateKey: is not a readable private key"];
  }
};

/** Problems of the secrets that are set and of those that should be. */
export const secretProblems = (
  stack: string,
  values: Readonly<Partial<Record<SecretKey, string>>>,
  s: PartialSettings,
): readonly string[] => [
  ...secretKeys.flatMap((key) => {
    const value = values[key];
    return [...presence(key, value, s, stack), ...(value === undefined ? [] : shape(key, value))];
  }),
  ...readerProblems(values.postgresReaderPasswords, s, stack),
  ...repeated(values),
  ...certificateAuthority(s.caCertificate, values.caPrivateKey),
];
