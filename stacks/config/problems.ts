/** Turns what the schema found into sentences: key, value seen, remedy. Pure. */

import type * as z from "zod";

/** All problems at once; the message is what a person reads, without a stack trace. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(stack: string, problems: readonly string[]) {
    const count =
      problems.length === 1 ? "1 setting is wrong" : `${String(problems.length)} settings are wrong`;
    super(
      `Stack "${stack}": ${count}; nothing was touched. Keys are in the namespace "platform:".\n` +
        problems.map((problem) => `  - ${problem}`).join("\n"),
    );
    this.name = "ConfigError";
    this.problems = problems;
    // The engine prints the stack of an uncaught error; the text above is all there is to know.
    this.stack = this.message;
  }
}

/** The problem as a list when it is there. */
export const when = (condition: boolean, problem: string): readonly string[] => (condition ? [problem] : []);

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The known key that `key` was probably meant to be, or undefined when none is near. */
export const nearest = (key: string, known: readonly string[]): string | undefined => {
  const ranked = known
    .map((name) => ({ name, far: distance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(2, Math.floor(key.length / 3)) ? best.name : undefined;
};

export const unknownKey = (path: string, key: string, known: readonly string[]): string => {
  const hint = nearest(key, known);
  const remedy =
    hint === undefined
      ? `known here: ${known.join(", ")}`
      : `did you mean ${path === "" ? hint : `${path}.${hint}`}?`;
  return `${path === "" ? key : `${path}.${key}`}: unknown key; ${remedy}`;
};

const longestValue = 60;

/** The value as a person wrote it, shortened. Never call it with a secret. */
export const seen = (value: unknown): string => {
  const json = JSON.stringify(value);
  return json.length > longestValue ? `${json.slice(0, longestValue)}…` : json;
};

export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${String(part)}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, part) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined,
    value,
  );

/** The command that sets a plain key. */
export const setCommand = (path: string): string =>
  path.includes(".") || path.includes("[")
    ? `pulumi config set --path 'platform:${path}' VALUE`
    : `pulumi config set platform:${path} VALUE`;

const names: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "a group of keys",
};

const sentence = (issue: z.core.$ZodIssue): string => {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${names[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return issue.values.length === 1
        ? `must be ${String(issue.values[0])}`
        : `must be one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? `is too short: at least ${String(issue.minimum)}`
        : `must be at least ${String(issue.minimum)}`;
    case "too_big":
      return issue.origin === "string" || issue.origin === "array"
        ? `is too long: at most ${String(issue.maximum)}`
        : `must be at most ${String(issue.maximum)}`;
    case "invalid_union":
      // Only discriminated unions are used; zod adds their options without typing them.
      return `must be one of ${((issue as { options?: readonly string[] }).options ?? []).join(", ")}`;
    default:
      return issue.message;
  }
};

/**
 * Sentences for one issue of the schema.
 * @param input the value that was parsed, without its top-level key
 * @param knownAt the keys that are known at a path below the top-level key
 */
export const describeIssue = (
  key: string,
  input: unknown,
  issue: z.core.$ZodIssue,
  knownAt: (path: readonly PropertyKey[]) => readonly string[],
): readonly string[] => {
  const path = pathText([key, ...issue.path]);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((unknown) => unknownKey(path, unknown, knownAt(issue.path)));
  }
  const value = valueAt(input, issue.path);
  const what = sentence(issue);
  return [value === undefined ? `${path}: missing; ${setCommand(path)}` : `${path}: ${seen(value)} ${what}`];
};
