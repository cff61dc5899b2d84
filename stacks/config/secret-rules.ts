/** Checks of secret values. A message may hold the key's name and lengths, never a value. Pure. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { PartialSettings } from "./schema.ts";
import { secretDeclarations, secretKeys } from "./secrets.ts";
import type { SecretDeclaration, SecretKey } from "./secrets.ts";

/** The settings that decide which secrets a stack needs. */
export interface SecretUse {
  readonly cluster?: { readonly source: "own" | "shared"; readonly registry?: unknown } | undefined;
  readonly host?: { readonly sshAuth: "key" | "agent" } | undefined;
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
    const generated = key !== "registryPassword";
    return [
      `${key}: missing; ` +
        (generated
          ? `npm run stack:init -- ${stack} makes it`
          : `pulumi config set --secret platform:${key}`),
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

const shape = (key: SecretKey, value: string): readonly string[] => {
  const declaration: SecretDeclaration = secretDeclarations[key];
  if (declaration.pem !== undefined) {
    const problem = privateKeyProblem(value);
    return problem === undefined ? [] : [`${key}: ${problem}`];
  }
  return [
    ...(value.length < declaration.minimumLength
      ? [
          `${key}: has ${String(value.length)} characters, at least ${String(declaration.minimumLength)} are needed; openssl rand -hex 32 makes one`,
        ]
      : []),
    ...(key !== "registryPassword" && !plainCharacters.test(value)
      ? [`${key}: holds characters that are not safe in a URL; only letters, digits and . _ ~ - are accepted`]
      : []),
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
  ...repeated(values),
  ...certificateAuthority(s.caCertificate, values.caPrivateKey),
];
