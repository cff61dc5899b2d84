import { violation, type ResourceRecord, type Rule } from "../records.ts";

/** The only places where a secret may stand. */
const allowed: readonly (readonly [type: RegExp, path: RegExp])[] = [
  [/^command:remote:(Command|CopyToRemote)$/, /^(connection|stdin)$/],
  [/^pulumi:providers:kubernetes$/, /^kubeconfig$/],
  [/^kubernetes:core\/v1:Secret$/, /^(data|stringData)$/],
  // The CA's key signs here; it comes from config and is encrypted in state like the rest.
  [/^tls:index\/certRequest:CertRequest$/, /^privateKeyPem$/],
  [/^tls:index\/locallySignedCert:LocallySignedCert$/, /^caPrivateKeyPem$/],
];

const isAllowed = (type: string, path: string): boolean =>
  allowed.some(([types, paths]) => types.test(type) && paths.test(path.split(".")[0] ?? ""));

const leaves = (value: unknown, path = ""): readonly (readonly [path: string, text: string])[] => {
  if (typeof value === "string") return [[path, value]];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
};

const isCovered = (record: ResourceRecord, path: string): boolean =>
  record.secretPaths.some((secret) => path === secret || path.startsWith(`${secret}.`));

/**
 * Secrets stand where they may, marked as secret, and nowhere else.
 * @param canaries the secret values of the run: found in clear anywhere, also as a part or in base64, they leaked.
 */
export const secretTaint =
  (canaries: readonly string[]): Rule =>
  (records) => {
    const wanted = canaries.flatMap((canary) => [
      canary,
      Buffer.from(canary).toString("base64"),
      encodeURIComponent(canary),
    ]);
    return records.flatMap((record) => [
      ...record.secretPaths
        .filter((path) => !isAllowed(record.type, path))
        .map((path) => violation(record, `holds a secret at "${path}"`)),
      ...leaves(record.inputs)
        .filter(
          ([path, value]) =>
            wanted.some((canary) => value.includes(canary)) &&
            !(isCovered(record, path) && isAllowed(record.type, path)),
        )
        .map(([path]) => violation(record, `shows a secret in clear at "${path}"`)),
    ]);
  };

/** The outputs of commands and generated keys are secret too. */
export const secretOutputs: Rule = (records) =>
  records
    .filter((record) => record.type === "command:remote:Command")
    .filter(
      (record) => !["stdout", "stderr"].every((output) => record.additionalSecretOutputs.includes(output)),
    )
    .map((record) => violation(record, "does not mark its output as secret"));
