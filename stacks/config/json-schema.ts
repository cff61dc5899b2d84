/** JSON schema of the settings: for editors, for the reference, and to know which keys exist at a path. Pure. */

import * as z from "zod";
import { settingsShape } from "./schema.ts";
import type { SettingKey } from "./schema.ts";

/** The part of JSON schema that zod emits for our settings. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
}

/** Schema of what a person writes for one key: defaults are optional there. */
export const settingSchema = (key: SettingKey): SchemaNode => {
  const node: Record<string, unknown> = { ...z.toJSONSchema(settingsShape[key], { io: "input" }) };
  delete node["$schema"];
  return node;
};

/** The key that tells the variants of a union apart: the one that is fixed in each. */
export const discriminatorOf = (option: SchemaNode): string | undefined =>
  Object.entries(option.properties ?? {}).find(([, inner]) => inner.const !== undefined)?.[0];

const matches = (option: SchemaNode, input: unknown): boolean => {
  const key = discriminatorOf(option);
  if (key === undefined || typeof input !== "object" || input === null) return false;
  return (input as Record<string, unknown>)[key] === option.properties?.[key]?.const;
};

const step = (node: SchemaNode, input: unknown, part: PropertyKey): readonly [SchemaNode, unknown] => {
  const inner =
    typeof input === "object" && input !== null ? (input as Record<PropertyKey, unknown>)[part] : undefined;
  const options = node.oneOf ?? [node];
  const chosen = options.find((option) => matches(option, input)) ?? options[0] ?? {};
  return [(typeof part === "number" ? chosen.items : chosen.properties?.[String(part)]) ?? {}, inner];
};

/** Keys that may stand at `path` below the setting `key`; where there are variants, those of the one that `input` chose. */
export const knownKeysAt = (
  key: SettingKey,
  input: unknown,
  path: readonly PropertyKey[],
): readonly string[] => {
  let node = settingSchema(key);
  let at = input;
  for (const part of path) [node, at] = step(node, at, part);
  const options = node.oneOf ?? [node];
  const chosen = options.find((option) => matches(option, at)) ?? options[0] ?? {};
  return Object.keys(chosen.properties ?? {});
};
