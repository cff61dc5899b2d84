import { readFileSync } from "node:fs";
import { heredoc, quote } from "./quote.ts";

/** `apply` brings the host to the wanted state; `probe` changes nothing and exits 2 when something differs. */
export type Mode = "apply" | "probe";

/** Exit codes of the scripts, one per cause. `probe` has its own 2. */
export const exitCodes = {
  drift: 2,
  preflight: 10,
  locked: 11,
  notConverged: 20,
  packages: 21,
  time: 22,
  kernel: 23,
  refused: 30,
  artifacts: 31,
  startFailed: 40,
  rolledBack: 41,
  notReady: 42,
  cut: 90,
} as const;

/** Last line a script prints. Its absence means that the script did not run to its end. */
export const endMarker = "== end of script ==";

/** Last line of the script itself: the loader runs nothing when it is missing. */
export const lastLine = "# end of script";

/** A file that a script writes. Content ends with a newline. */
export interface RemoteFile {
  /** Absolute path on the host. */
  readonly path: string;
  /** Octal, without leading zero: "600". */
  readonly mode: string;
  readonly content: string;
}

type Value = string | number | readonly string[];

export interface ScriptPlan {
  /** Shown in front of each line of progress. */
  readonly phase: string;
  /** The stack's own prefix: names the lock and the state directory. */
  readonly prefix: string;
  readonly mode: Mode;
  /** Take the host's lock first. False only for scripts that write nothing. */
  readonly exclusive: boolean;
  /** Shell variables, by name. Lists become arrays. */
  readonly values: Readonly<Record<string, Value>>;
  /** Function name -> files that the function installs. */
  readonly files?: Readonly<Record<string, readonly RemoteFile[]>>;
  /** Shell text that defines functions. */
  readonly parts: readonly string[];
  /** Functions to call, in order. */
  readonly steps: readonly string[];
}

/** Reads a shell part that lies beside the calling module. */
export const shellPart = (moduleUrl: string, file: string): string =>
  readFileSync(new URL(file, moduleUrl), "utf8");

/** Directory on the host where this stack keeps its state, by prefix. */
export const stateDirectory = (prefix: string): string => `/var/lib/${prefix}`;

const renderValue = (name: string, value: Value): string => {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name))
    throw new Error(`script variable "${name}": use upper-case letters and digits`);
  if (typeof value === "object") return `readonly ${name}=(${value.map((v) => quote(v, name)).join(" ")})`;
  return `readonly ${name}=${quote(String(value), name)}`;
};

const renderFiles = (name: string, files: readonly RemoteFile[]): string =>
  [
    `${name}() {`,
    ...files.map((f) => `install_file ${quote(f.path)} ${quote(f.mode)} ${heredoc(f.content, f.path)}`),
    "  return 0",
    "}",
  ].join("\n");

const prelude = shellPart(import.meta.url, "prelude.sh");

/**
 * The whole text that goes to the host on stdin. Pure. All functions are defined before `main` runs, `main` reads from
 * /dev/null so that no child can eat the rest of the script, and the marker is the last thing printed. The trap turns an
 * early exit with status 0 into a failure.
 */
export const renderScript = (plan: ScriptPlan): string =>
  [
    renderValue("PHASE", plan.phase),
    renderValue("PREFIX", plan.prefix),
    renderValue("MODE", plan.mode),
    renderValue("STATE_DIR", stateDirectory(plan.prefix)),
    "finished=no",
    ...Object.entries(plan.values).map(([name, value]) => renderValue(name, value)),
    prelude,
    ...Object.entries(plan.files ?? {}).map(([name, files]) => renderFiles(name, files)),
    ...plan.parts,
    "main() {",
    ...(plan.exclusive && plan.mode === "apply" ? ["  take_lock"] : []),
    ...plan.steps.map((step) => `  ${step}`),
    "  report_drift",
    "}",
    `trap 'code=$?; [ "$code" != 0 ] || [ "$finished" = yes ] || exit ${String(exitCodes.cut)}' EXIT`,
    "main </dev/null",
    `echo ${quote(endMarker)}`,
    "finished=yes",
    lastLine,
    "",
  ].join("\n");

/** What a script printed, without the marker. Throws when the marker is missing; never shows the output. */
export const outputOf = (stdout: string, name: string): string => {
  const trimmed = stdout.trimEnd();
  if (!trimmed.endsWith(endMarker)) {
    throw new Error(
      `${name}: the script ended without its marker, so it did not run to the end; run the update again`,
    );
  }
  return trimmed.slice(0, -endMarker.length);
};
