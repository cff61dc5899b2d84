/** Small grammars of values that others parse later, on a host, where a mistake is expensive. Pure. */

import { isAddress, parseIpv4 } from "./network.ts";

const hostKeyBytes = 51; // two length fields, the name of the algorithm (11), the key (32)

/** What is wrong with a pinned host key, or undefined. Only ed25519: an ssh-rsa pin would ask the host for SHA-1. */
export const hostKeyProblem = (text: string): string | undefined => {
  const [algorithm, blob, ...rest] = text.split(" ");
  if (algorithm !== "ssh-ed25519") return 'must be an ed25519 key that starts with "ssh-ed25519 "';
  if (rest.length > 0) return "must end after the key: remove the comment";
  const bytes = Buffer.from(blob ?? "", "base64");
  const wellFormed =
    bytes.length === hostKeyBytes &&
    bytes.toString("base64") === blob &&
    bytes.readUInt32BE(0) === 11 &&
    bytes.subarray(4, 15).toString("latin1") === "ssh-ed25519" &&
    bytes.readUInt32BE(15) === 32;
  return wellFormed ? undefined : "is cut off or damaged: it does not decode to an ed25519 key";
};

const cronRanges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  // 7 for Sunday is an error for k3s and Kubernetes.
  [0, 6],
] as const;

const cronTerm = (term: string, low: number, high: number): boolean => {
  const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(term);
  if (match === null) return false;
  const from = Number(match[1] ?? low);
  const to = Number(match[2] ?? match[1] ?? high);
  const step = Number(match[3] ?? 1);
  return from >= low && to <= high && from <= to && step >= 1;
};

/** True for five numeric cron fields (lists, ranges, steps). Names and `@daily` are left out. */
export const isCron = (text: string): boolean => {
  const fields = text.split(" ");
  return (
    fields.length === cronRanges.length &&
    cronRanges.every(([low, high], i) =>
      (fields[i] ?? "").split(",").every((term) => cronTerm(term, low, high)),
    )
  );
};

/** `key=value` of a Kubernetes component flag, without the leading dashes. */
export const isFlag = (text: string): boolean => /^[a-z][a-z0-9-]*=[^\s]+$/.test(text);

/** Absolute, normalised, no trailing slash, only characters that need no quoting. */
export const isAbsolutePath = (text: string): boolean =>
  /^(\/[A-Za-z0-9._-]+)+$/.test(text) && !text.split("/").some((part) => part === "." || part === "..");

/** Path of an HTTP request, without query or fragment. */
export const isUrlPath = (text: string): boolean => /^\/[A-Za-z0-9._~/-]*$/.test(text);

/**
 * True for the exact name of a time zone that this machine knows. Offsets such as `+01:00` are no names, and
 * Kubernetes looks names up as files, case included.
 */
export const isTimeZone = (text: string): boolean => {
  if (!/^[A-Z][A-Za-z]*(\/[A-Z][A-Za-z0-9_+-]*)*$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
};

/** `https://host` or `https://host:port`: IPv4 or a name in lower case, nothing behind it. */
export const isHttpsOrigin = (text: string): boolean => {
  const match = /^https:\/\/([a-z0-9.-]+)(?::([1-9]\d{0,4}))?$/.exec(text);
  return match !== null && isAddress(match[1] ?? "") && Number(match[2] ?? 443) <= 65_535;
};

export const isBucket = (text: string): boolean =>
  /^[a-z0-9]([a-z0-9.-]{1,61})[a-z0-9]$/.test(text) && !text.includes("..") && parseIpv4(text) === undefined;

/** Path of objects in a bucket: characters that need no quoting anywhere. */
export const isKeyPrefix = (text: string): boolean =>
  text.length <= 200 && text.split("/").every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part));

/** `schema.table`, both as PostgreSQL writes them without quotes. */
export const isQualifiedName = (text: string): boolean =>
  /^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/.test(text);
