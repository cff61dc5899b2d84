import { renderScript, shellPart } from "../remote/index.ts";
import type { Mode } from "../remote/index.ts";
import type { HostSpec } from "./types.ts";

/** Directories for data, for our own state and for uploads. Needs no package, so that an upload can start at once. */
export const renderDirectories = (spec: HostSpec, mode: Mode): string =>
  renderScript({
    phase: "directories",
    prefix: spec.prefix,
    mode,
    exclusive: true,
    values: {
      GENERATION: spec.generation,
      DATA_DIRECTORY: spec.dataDirectory,
      LOGIN_USER: spec.user,
    },
    parts: [shellPart(import.meta.url, "directories.sh")],
    steps: ["ensure_directories"],
  });
