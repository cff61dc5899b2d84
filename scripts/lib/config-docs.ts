/** Texts that are made from the config schema: project file, editor schema, reference. Pure. */

import { stringify } from "yaml";
import { discriminatorOf, settingSchema } from "../../stacks/config/json-schema.ts";
import type { SchemaNode } from "../../stacks/config/json-schema.ts";
import { settingKeys, settingsShape } from "../../stacks/config/schema.ts";
import { secretDeclarations, secretKeys } from "../../stacks/config/secrets.ts";
import type { SecretDeclaration, SecretKey } from "../../stacks/config/secrets.ts";
import { cell, secretsSection } from "./secret-docs.ts";

const namespace = "platform";

const schemaDialect = "http://json-schema.org/draft-07/schema#";

const secret = (key: SecretKey): SecretDeclaration => secretDeclarations[key];

const isRequired = (key: (typeof settingKeys)[number]): boolean =>
  !settingsShape[key].safeParse(undefined).success;

/** Pulumi.yaml. The engine knows no conditions, so every key has a default there: "" stands for "not set". */
export const renderProjectFile = (): string => {
  const plain = settingKeys.map((key) => [key, { description: settingSchema(key).description, default: "" }]);
  const secrets = secretKeys.map((key) => [
    key,
    { description: secret(key).description, default: "", secret: true },
  ]);
  const project = {
    name: namespace,
    description: "A hardened k3s on a bare VPS with a healthcare backend on it.",
    main: "index.ts",
    runtime: { name: "nodejs", options: { typescript: false, packagemanager: "npm" } },
    config: Object.fromEntries([...plain, ...secrets]) as unknown,
  };
  return (
    "# Made by `npm run docs:config`; edit stacks/config/schema.ts and secrets.ts instead.\n" +
    '# The default "" means "not set": the program itself then reports everything that is missing or wrong in one\n' +
    "# message with remedies, where the engine would stop at the first kind of mistake. It also refuses a secret in clear.\n" +
    stringify(project, { lineWidth: 0 })
  );
};

/** The engine rewrites `true` at the top level of a stack file as `"true"`. */
const stackFileNode = (node: SchemaNode): SchemaNode =>
  node.type === "boolean"
    ? { description: node.description ?? "", enum: [true, false, "true", "false"] }
    : node;

const secretNode = (key: SecretKey): object => ({
  description: secret(key).description,
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
});

/** JSON schema of a `Pulumi.<stack>.yaml`, for editors. Rules between keys are only checked by the program. */
export const renderStackFileSchema = (): string => {
  const config = {
    type: "object",
    properties: {
      "pulumi:disable-default-providers": {
        description: "Keep: nothing may reach the cluster of whoever runs Pulumi by accident.",
        type: "array",
        items: { type: "string" },
        contains: { const: "kubernetes" },
      },
      ...Object.fromEntries(
        settingKeys.map((key) => [`${namespace}:${key}`, stackFileNode(settingSchema(key))]),
      ),
      ...Object.fromEntries(secretKeys.map((key) => [`${namespace}:${key}`, secretNode(key)])),
    },
    required: [
      "pulumi:disable-default-providers",
      ...settingKeys.filter(isRequired).map((key) => `${namespace}:${key}`),
    ],
    additionalProperties: false,
  };
  const file = {
    $schema: schemaDialect,
    title: "Stack file of the platform",
    type: "object",
    properties: {
      config,
      encryptionsalt: { type: "string" },
      encryptedkey: { type: "string" },
      secretsprovider: { type: "string" },
      environment: {},
    },
    required: ["config"],
  };
  return `${JSON.stringify(file, null, 2)}\n`;
};

interface Leaf {
  readonly path: string;
  readonly node: SchemaNode;
  readonly required: boolean;
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Every key that takes a value, with its path; variants carry their name. */
const leaves = (path: string, node: SchemaNode, required: boolean): readonly Leaf[] => {
  if (node.oneOf !== undefined) {
    return node.oneOf.flatMap((option) =>
      Object.entries(option.properties ?? {}).flatMap(([key, inner]) =>
        leaves(
          key === discriminatorOf(option) ? `${path}.${key}=${asText(inner.const)}` : `${path}.${key}`,
          inner,
          option.required?.includes(key) === true,
        ),
      ),
    );
  }
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, inner]) =>
      leaves(`${path}.${key}`, inner, node.required?.includes(key) === true),
    );
  }
  return [{ path, node, required }];
};

const kindOf = (node: SchemaNode): string => {
  if (node.const !== undefined) return `\`${asText(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (node.type === "array")
    return `list of ${node.items?.type === "string" ? "texts" : (node.items?.type ?? "values")}`;
  if (node.type === "integer")
    return `whole number ${String(node.minimum ?? "")}–${String(node.maximum ?? "")}`;
  return node.type === "boolean" ? "`true`, `false`" : "text";
};

/** Values to show in commands: the config of an example stack file. */
export type Example = Readonly<Record<string, unknown>>;

const exampleOf = (leaf: Leaf, example: Example): string => {
  const { node } = leaf;
  const parts = leaf.path.split(".");
  const value = parts.reduce<unknown>(
    (at, part, i) => (at as Example | undefined)?.[i === 0 ? `${namespace}:${part}` : part],
    example,
  );
  const one: unknown = Array.isArray(value) ? value[0] : value;
  const line =
    typeof one === "string" || typeof one === "number" || typeof one === "boolean" ? String(one) : "";
  if (line !== "" && !line.includes("\n")) return /^[\w./:@,+-]+$/.test(line) ? line : `'${line}'`;
  if (node.default !== undefined && typeof node.default !== "object") return asText(node.default);
  if (node.enum !== undefined) return asText(node.enum[0]);
  return "VALUE";
};

const setLine = (leaf: Leaf, example: Example): string => {
  const path = leaf.path.replace(/=.*$/, "") + (leaf.node.type === "array" ? "[0]" : "");
  if (path === "caCertificate") return `pulumi config set ${namespace}:${path} < ca.pem`;
  const value = leaf.node.const === undefined ? exampleOf(leaf, example) : asText(leaf.node.const);
  return path.includes(".") || path.includes("[")
    ? `pulumi config set --path '${namespace}:${path}' ${value}`
    : `pulumi config set ${namespace}:${path} ${value}`;
};

const defaultOf = (leaf: Leaf): string => {
  if (leaf.node.default !== undefined) return `\`${JSON.stringify(leaf.node.default)}\``;
  return leaf.required ? "**required**" : "–";
};

const section = (key: (typeof settingKeys)[number], example: Example): readonly string[] => {
  const node = settingSchema(key);
  const found = leaves(key, node, isRequired(key));
  const isGroup = found.length > 1 || found[0]?.path !== key;
  return [
    `## ${key}`,
    "",
    cell(node.description ?? ""),
    "",
    "| Key | Value | Default | Meaning |",
    "|---|---|---|---|",
    ...found.map((leaf) => {
      const meaning = isGroup ? (leaf.node.description ?? "") : "";
      return `| \`${leaf.path.replace("=", ": ")}\` | ${cell(kindOf(leaf.node))} | ${cell(defaultOf(leaf))} | ${cell(meaning)} |`;
    }),
    "",
    "```sh",
    ...new Set(found.map((leaf) => setLine(leaf, example))),
    "```",
    "",
  ];
};

/** docs/configuration.md; commands show the values of an example stack. */
export const renderReference = (example: Example): string =>
  [
    "# Configuration",
    "",
    "<!-- Made by `npm run docs:config` from stacks/config/; edit there. -->",
    "",
    "Every key of a stack file, `Pulumi.<stack>.yaml`, with the command that sets it. Keys live in the namespace `platform:`.",
    "Rules between keys (what `handlesPhi` demands, what has to fit where) are checked before anything is touched; all",
    "problems come in one message.",
    "",
    ...settingKeys.flatMap((key) => section(key, example)),
    ...secretsSection(),
    "## Two stacks on one machine",
    "",
    "The stack with `cluster.source: own` has host, cluster and ingress. The other one names it in `cluster.stack`, has no",
    "`host`, a `prefix` of its own, and declares as `vps` the part of the machine that is set aside for it; the owner's `vps` is",
    "what remains. Nobody adds the two up. Where they are too much together, the owner's pods go first: everything of the other",
    "stack has a lower priority, waits for room and is pushed out when the owner needs it.",
    "",
    "```yaml",
    "config:",
    "  platform:prefix: hc-pre",
    "  platform:cluster:",
    "    source: shared",
    "    stack: organization/platform/production",
    "  platform:vps: { cpus: 2, memoryMiB: 4096, diskGiB: 40 }",
    "```",
    "",
  ].join("\n");
