import { renderScript, shellPart, stateDirectory } from "../remote/index.ts";
import { baseFiles } from "./base.ts";
import { kernelFiles } from "./kernel.ts";
import type { HostSpec } from "./types.ts";

export interface FingerprintArgs {
  /** Files and directories to describe one by one. */
  readonly paths: readonly string[];
  /** Directories that are wholly ours: everything in them counts. */
  readonly trees: readonly string[];
  readonly units: readonly string[];
}

/** What the host layer owns. */
export const hostOwns = (spec: HostSpec): FingerprintArgs => ({
  paths: [
    ...[...baseFiles(spec), ...kernelFiles(spec)].map((f) => f.path),
    "/etc/hostname",
    "/etc/hosts",
    "/etc/fstab",
    spec.dataDirectory,
    `${spec.dataDirectory}/volumes`,
  ],
  // The upload directory is in it, and empty once its files are placed.
  trees: [stateDirectory(spec.prefix)],
  units: spec.timeSync === "chrony" ? ["chrony.service"] : [],
});

/** Path of the temporary file beside `path` that a killed run may leave. */
const leftover = (path: string): string => path.replace(/([^/]+)$/, ".$1.new");

/**
 * Read-only script that prints what is on the host: one line per file, directory and unit that is ours, with hashes in
 * place of content. Two runs that end in the same state print the same text, whatever happened in between.
 */
export const renderFingerprint = (prefix: string, owners: readonly FingerprintArgs[]): string => {
  const paths = owners.flatMap((o) => o.paths);
  return renderScript({
    phase: "fingerprint",
    prefix,
    mode: "apply",
    exclusive: false,
    values: {
      PATHS: paths,
      TREES: owners.flatMap((o) => o.trees),
      UNITS: owners.flatMap((o) => o.units),
      LEFTOVERS: paths.map(leftover),
    },
    parts: [shellPart(import.meta.url, "fingerprint.sh")],
    steps: ["print_fingerprint"],
  });
};
