import { readFileSync } from "node:fs";
import { database, dataDirectory, postgresLayout } from "./layout.ts";

/** Scripts around wal-g. They lie beside this file, so that they can be checked and read as what they are. */

const directory = new URL("backup-scripts/", import.meta.url);

export const shellFile = (file: string): string => readFileSync(new URL(file, directory), "utf8");

/** Where a restore that does not touch production puts its cluster, and where the drill leaves its verdicts. */
export const restoreRoot = "/var/lib/postgresql-restore";
export const evidenceRoot = "/var/lib/platform-evidence";

const header = (): string => {
  const layout = postgresLayout;
  const values = {
    pg_bin: layout.binDirectory,
    data: dataDirectory(layout),
    wal: `${layout.walRoot}/${String(layout.major)}`,
    scripts: layout.configDirectory,
    database,
    restore_root: restoreRoot,
    evidence_root: evidenceRoot,
  };
  const lines = Object.entries(values).map(([name, text]) => `${name}='${text}'`);
  return `#!/usr/bin/env bash\n# shellcheck disable=SC2034\nset -euo pipefail\numask 077\n${lines.join("\n")}\n`;
};

const assemble = (...parts: readonly string[]): string => [header(), ...parts.map(shellFile)].join("");

const plain = { "archive.sh": ["archive.sh"], "fetch-wal.sh": ["fetch-wal.sh"] } as const;
const withStore = ["guard", "backup", "backup-keeper", "stream", "verify", "list"] as const;
const withRestore = [
  "restore-base",
  "restore-check",
  "restore-in-place",
  "restore-scratch",
  "drill",
] as const;

const render = (name: string): string => {
  if (name in plain) return shellFile(name);
  const bare = name.replace(/\.sh$/, "");
  return (withRestore as readonly string[]).includes(bare)
    ? assemble("walg.sh", "restore-lib.sh", name)
    : assemble("walg.sh", name);
};

const scriptsOf = (names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, render(name)]));

/** What the database's own pod needs. Few: a change of one restarts the server. */
export const archiveScripts = (): Readonly<Record<string, string>> =>
  scriptsOf(["archive.sh", "fetch-wal.sh", "guard.sh", "restore-base.sh"]);

/** What the jobs around it need. */
export const backupScripts = (): Readonly<Record<string, string>> =>
  scriptsOf([...Object.keys(plain), ...[...withStore, ...withRestore].map((name) => `${name}.sh`)]);
