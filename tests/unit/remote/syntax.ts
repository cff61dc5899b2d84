import { spawnSync } from "node:child_process";

/** What bash has to say about a script, without running it. */
export const syntaxErrors = (script: string): string =>
  spawnSync("bash", ["-n"], { input: script, encoding: "utf8" }).stderr;

export const hasShellcheck = spawnSync("shellcheck", ["--version"]).error === undefined;

// SC1091: /etc/os-release is the host's. SC2034: the header sets variables that only some phases use.
export const shellcheck = (script: string): string =>
  spawnSync("shellcheck", ["-s", "bash", "-e", "SC1091,SC2034", "-"], { input: script, encoding: "utf8" })
    .stdout;
