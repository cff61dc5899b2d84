import { dragonflyLayout } from "./layout.ts";

export interface CleanupScriptArgs {
  readonly host: string;
  readonly user: string;
  /** What every key of the cache begins with: letters, digits, dashes and colons. */
  readonly keyPrefix: string;
  readonly passwordFile: string;
}

/**
 * Unlinks every key of the cache, so that no copy of patient data outlives a day there. By SCAN and UNLINK, which let
 * others go on meanwhile; only keys with the prefix, and its user could touch no others. Keys travel through a pipe:
 * they stand in no argument and no log.
 * @throws Error for a prefix that would be a pattern.
 */
export const renderCleanupScript = (args: CleanupScriptArgs): string => {
  if (!/^[a-z0-9-]+(:[a-z0-9-]+)*:$/.test(args.keyPrefix)) {
    throw new Error(
      `cache clean-up: the key prefix "${args.keyPrefix}" must be words of a-z, 0-9 and - that end with a colon; anything else could match keys of others`,
    );
  }
  return `#!/bin/sh
# shellcheck disable=SC3040 # the images' shell is busybox, which knows pipefail
set -euo pipefail
export LC_ALL=C
prefix='${args.keyPrefix}'
REDISCLI_AUTH=$(cat '${args.passwordFile}')
export REDISCLI_AUTH
client() {
  redis-cli --no-auth-warning --user ${args.user} --tls --cacert ${dragonflyLayout.tlsDirectory}/ca.crt \\
    -h ${args.host} -p ${String(dragonflyLayout.port)} "$@"
}
# Rules for a new pod may be programmed after its start: its first connections can be reset.
tries=0
until [ "$(client ping 2>/dev/null)" = PONG ]; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "cache-cleanup: refused: ${args.host} did not answer for two minutes" >&2
    exit 1
  fi
  sleep 2
done
client --scan --pattern "$prefix*" --count 500 |
  awk -v prefix="$prefix" 'index($0, prefix) == 1 { printf "*2\\r\\n$6\\r\\nUNLINK\\r\\n$%d\\r\\n%s\\r\\n", length($0), $0 }' |
  client --pipe
`;
};
