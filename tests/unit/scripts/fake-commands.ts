/** Stand-ins for pulumi, ssh and ssh-keyscan on PATH: they note how they were called and edit the file they are given. */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryFile } from "../stacks/examples.ts";

// One secret per call: appended as the engine would, with base64 in the place of encryption.
const pulumi = (log: string, state: string): string => `#!/bin/sh
printf '%s\\n' "$*" >> '${log}'
[ "$FAKE_PULUMI_FAIL" = "$3" ] && { echo "error: incorrect passphrase" >&2; exit 1; }
for file; do :; done
case "$2 $3" in
  "whoami --json") printf '{"user":"x","url":"%s"}' "$FAKE_BACKEND" ;;
  "stack ls") cat '${state}' ;;
  "stack init") printf '[{"name":"%s"}]' "$4" > '${state}'; pwd >> '${log}'; echo "encryptionsalt: x" > "Pulumi.$4.yaml" ;;
  "config set") [ "$FAKE_PULUMI_FAIL" = "$5" ] && exit 1
    sed -i "/^  $5:$/,+1d" "$file"
    printf '  %s:\\n    secure: %s\\n' "$5" "$(base64 | tr -d '\\n')" >> "$file" ;;
  "config get") sed -n "/^  $4:/{n;s/ *secure: //p}" "$file" | base64 -d; echo ;;
  "config set-all") exec '${process.execPath}' '${repositoryFile("tests/unit/scripts/fake-set-all.ts")}' "$@" ;;
  *) echo "unknown call: $*" >&2; exit 2 ;;
esac
`;

const keyscan = (log: string): string => `#!/bin/sh
printf 'ssh-keyscan %s\\n' "$*" >> '${log}'
printf '# host:22 SSH-2.0-OpenSSH\\n'
[ -z "$FAKE_HOST_KEY" ] || printf 'host %s\\n' "$FAKE_HOST_KEY"
`;

const ssh = (log: string): string => `#!/bin/sh
printf 'ssh %s\\n' "$*" >> '${log}'
case "$*" in
  *BatchMode*) exit "\${FAKE_LOGIN:-0}" ;;
  *) [ "$("$SSH_ASKPASS")" = "right password" ] || { echo "Permission denied" >&2; exit 255; }
     cat >> '${log}' ;;
esac
`;

export interface FakeCommands {
  /** To be put first on PATH. */
  readonly bin: string;
  readonly directory: string;
  readonly calls: () => string;
  readonly remove: () => void;
}

export const fakeCommands = (): FakeCommands => {
  const directory = mkdtempSync(join(tmpdir(), "fake-commands-"));
  const [bin, log, state] = [
    join(directory, "bin"),
    join(directory, "calls"),
    join(directory, "stacks.json"),
  ];
  mkdirSync(bin);
  writeFileSync(state, "[]");
  const commands = { pulumi: pulumi(log, state), "ssh-keyscan": keyscan(log), ssh: ssh(log) };
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
  }
  return {
    bin,
    directory,
    calls: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
};
