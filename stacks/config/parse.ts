/** From the raw strings of a stack file to typed settings, with every problem in one error. Pure: no Pulumi. */

import type * as z from "zod";
import { postgresLayout } from "../../components/data/layout.ts";
import { defaultWalGiB } from "../../components/data/sizing.ts";
import { knownKeysAt } from "./json-schema.ts";
import { ConfigError, describeIssue, nearest, setCommand, unknownKey } from "./problems.ts";
import { crossProblems } from "./rules.ts";
import { settingKeys, settingsShape } from "./schema.ts";
import type { Parsed, PartialSettings, SettingKey } from "./schema.ts";
import { secretProblems } from "./secret-rules.ts";
import { isSecretKey, secretKeys } from "./secrets.ts";
import type { SecretKey } from "./secrets.ts";
import type { ClusterConfig, DataConfig, HostConfig, Settings } from "./types.ts";

export const namespace = "platform";

/** What Pulumi hands over: every value is a string, structured ones are JSON. Keys carry their namespace. */
export interface RawConfig {
  readonly stack: string;
  readonly values: Readonly<Record<string, string>>;
  /** Full keys whose value is encrypted in the stack file, as a whole or in a part. */
  readonly secretKeys: ReadonlySet<string>;
}

/** Pulumi.yaml gives every key the default "": it stands for "not set". */
const isSet = (value: string | undefined): value is string => value !== undefined && value !== "";

const textKeys: ReadonlySet<SettingKey> = new Set([
  "prefix",
  "domain",
  "profile",
  "baaReference",
  "caCertificate",
]);

const decode = (key: SettingKey, text: string): unknown => {
  if (textKeys.has(key)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

const ownNamespaces = [namespace, "pulumi"] as const;

const namespaceProblems = (values: RawConfig["values"]): readonly string[] =>
  Object.keys(values).flatMap((full) => {
    const [space = "", ...rest] = full.split(":");
    if (ownNamespaces.some((known) => known === space)) return [];
    const hint = nearest(space, [namespace]) === undefined ? "only" : "did you mean";
    return [
      `${full}: unknown namespace "${space}"; ${hint} ${namespace}:${rest.join(":")}${hint === "only" ? " would be read" : "?"}`,
    ];
  });

interface Sections {
  readonly settings: PartialSettings;
  readonly unparsed: ReadonlySet<string>;
  readonly problems: readonly string[];
}

const parseSections = (
  values: Readonly<Record<string, string>>,
  encrypted: ReadonlySet<string>,
): Sections => {
  const settings: Partial<Record<SettingKey, unknown>> = {};
  const unparsed = new Set<string>();
  const problems: string[] = [];
  for (const key of settingKeys) {
    const text = values[key];
    if (encrypted.has(key)) {
      unparsed.add(key);
      problems.push(
        `${key}: is encrypted in the stack file, but it is no secret and shows in previews; set it again without --secret (secrets: ${secretKeys.join(", ")})`,
      );
      continue;
    }
    const input = isSet(text) ? decode(key, text) : undefined;
    const result = settingsShape[key].safeParse(input);
    if (result.success) {
      settings[key] = result.data;
      continue;
    }
    unparsed.add(key);
    const known = (path: readonly PropertyKey[]): readonly string[] => knownKeysAt(key, input, path);
    problems.push(...result.error.issues.flatMap((issue) => describeIssue(key, input, issue, known)));
  }
  // Each value came out of the schema of its own key.
  return { settings: settings as PartialSettings, unparsed, problems };
};

const plaintextProblems = (
  values: Readonly<Record<string, string>>,
  encrypted: ReadonlySet<string>,
): readonly string[] =>
  secretKeys.flatMap((key) =>
    isSet(values[key]) && !encrypted.has(key)
      ? [
          `${key}: stands in clear in the stack file; make a new value and store it with: pulumi config set --secret ${namespace}:${key}`,
        ]
      : [],
  );

const unknownProblems = (values: Readonly<Record<string, string>>): readonly string[] =>
  Object.keys(values)
    .filter((key) => !(key in settingsShape) && !isSecretKey(key))
    .map((key) => unknownKey("", key, [...settingKeys, ...secretKeys]));

type CompleteSettings = { readonly [K in SettingKey]: z.output<(typeof settingsShape)[K]> };

const withDefaults = (stack: string, s: CompleteSettings): Settings => {
  const host: HostConfig | undefined =
    s.host === undefined
      ? undefined
      : { ...s.host, dataDirectory: s.host.dataDirectory ?? `/srv/${s.prefix}` };
  const cluster: ClusterConfig =
    s.cluster.source === "shared"
      ? s.cluster
      : {
          ...s.cluster,
          nodeName: s.cluster.nodeName ?? host?.hostname ?? "",
          apiAddress: s.cluster.apiAddress ?? host?.address ?? "",
          registry: s.cluster.registry,
        };
  const images = Object.fromEntries(Object.entries(s.images).filter(([, ref]) => ref !== undefined));
  return {
    ...s,
    stack,
    baaReference: s.baaReference,
    host,
    cluster,
    images,
    app: { ...s.app, apiReplicas: s.app.apiReplicas },
    data: dataWithDefaults(s.prefix, s.data),
    monitoring: s.monitoring,
  };
};

const dataWithDefaults = (prefix: string, { postgres, pgbouncer, backup }: Parsed<"data">): DataConfig => ({
  postgres: {
    ...postgres,
    walGiB: postgres.walGiB ?? defaultWalGiB(postgres.storageGiB),
    imageContents: postgres.imageContents && {
      pgaudit: postgres.imageContents.includes("pgaudit"),
      walg: postgres.imageContents.includes("walg"),
    },
    auditedTables: postgres.auditedTables,
  },
  pgbouncer,
  backup: backup && {
    ...backup,
    prefix: backup.prefix ?? `pg${String(postgresLayout.major)}/${prefix}`,
    caCertificate: backup.caCertificate,
    networkRateLimitMiBps: backup.networkRateLimitMiBps,
    binary: backup.binary,
    drill: { ...backup.drill, storageGiB: backup.drill.storageGiB ?? postgres.storageGiB },
  },
});

const isComplete = (s: PartialSettings, unparsed: ReadonlySet<string>): s is CompleteSettings =>
  unparsed.size === 0 && settingKeys.every((key) => key in s);

/**
 * Settings of a stack.
 * @throws ConfigError with every problem: key, value seen (never a secret), remedy.
 */
export const parseConfig = (raw: RawConfig): Settings => {
  const prefix = `${namespace}:`;
  const mine = Object.keys(raw.values).filter((key) => key.startsWith(prefix));
  const values = Object.fromEntries(mine.map((key) => [key.slice(prefix.length), raw.values[key] ?? ""]));
  const encrypted = new Set(
    [...raw.secretKeys].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length)),
  );
  const { settings, unparsed, problems } = parseSections(values, encrypted);
  const secrets: Partial<Record<SecretKey, string>> = {};
  for (const key of secretKeys) {
    const value = values[key];
    if (isSet(value)) secrets[key] = value;
  }
  const all = [
    ...namespaceProblems(raw.values),
    ...unknownProblems(values),
    ...problems,
    ...crossProblems(settings, unparsed),
    ...plaintextProblems(values, encrypted),
    ...secretProblems(raw.stack, secrets, settings),
  ];
  if (all.length > 0) throw new ConfigError(raw.stack, all);
  if (!isComplete(settings, unparsed)) throw new ConfigError(raw.stack, [setCommand("")]);
  return withDefaults(raw.stack, settings);
};
