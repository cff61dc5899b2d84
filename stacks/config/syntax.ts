/** Small grammars of values that others parse later, on a host, where a mistake is expensive. Pure. */

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
  [0, 7],
] as const;

const cronTerm = (term: string, low: number, high: number): boolean => {
  const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(term);
  if (match === null) return false;
  const from = Number(match[1] ?? low);
  const to = Number(match[2] ?? match[1] ?? high);
  const step = Number(match[3] ?? 1);
  return from >= low && to <= high && from <= to && step >= 1;
};

/** True for five numeric cron fields (lists, ranges, steps). Names and `@daily` are left out: k3s reads UTC either way. */
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
