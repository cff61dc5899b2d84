/** The user of our own sidecars: has the server take over users and certificates, touches no key. */
export const keeperUser = "keeper";

export interface KeeperScriptArgs {
  /** In front of every line that it says. */
  readonly name: string;
  readonly port: number;
  readonly tlsDirectory: string;
  readonly aclDirectory: string;
  /** Holds the file `keeper`. */
  readonly passwordDirectory: string;
  /** What the server is asked when the certificate has changed; it must answer OK. */
  readonly reloadCertificate: string;
}

/** `redis-cli` as `user`, from inside the pod. The password is in REDISCLI_AUTH. */
export const redisCli = (args: { port: number; tlsDirectory: string }, user: string): string =>
  `redis-cli --no-auth-warning --user ${user} --tls --cacert ${args.tlsDirectory}/ca.crt -h 127.0.0.1 -p ${String(args.port)}`;

/**
 * Runs beside the server in the same pod: has it read users and certificate again when the mounted files change. Its
 * first round repeats what the server just did, because a restarted keeper cannot know what the server has seen.
 */
export const renderKeeperScript = (args: KeeperScriptArgs): string => `#!/bin/sh
set -eu
password_file='${args.passwordDirectory}/${keeperUser}'

say() { printf '${args.name}: %s\\n' "$1"; }
# Ends at once on SIGTERM, also in the middle of a pause.
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }
# kubelet swaps this link when a mounted Secret changes.
version() { readlink "$1/..data" || true; }
# The answer may quote a line of the file, so nobody prints it.
asks() {
  expected=$1
  shift
  [ "$(REDISCLI_AUTH=$password ${redisCli(args, keeperUser)} "$@" 2>/dev/null)" = "$expected" ]
}
knows() { password=$1 && asks PONG ping; }
# A new password of its own is in the file before the server has heard of it.
log_in() { knows "$(cat "$password_file")" || { [ -n "$last" ] && knows "$last"; }; }
# take_over WHAT QUESTION...
take_over() {
  what=$1
  shift
  if log_in && asks OK "$@"; then
    say "$what as configured"
    failures=0
    return 0
  fi
  if [ $((failures % 60)) -eq 0 ]; then
    say "waiting for the server to take over $what: it is starting, or does not know this keeper (then restart the pod)"
  fi
  failures=$((failures + 1))
  return 1
}

users=none certificate=none last="" failures=0
while true; do
  now=$(version '${args.aclDirectory}')
  if [ "$now" != "$users" ] && take_over users acl load; then
    users=$now
    last=$(cat "$password_file")
  fi
  now=$(version '${args.tlsDirectory}')
  if [ "$now" != "$certificate" ] && take_over certificate ${args.reloadCertificate}; then
    certificate=$now
  fi
  pause 5
done
`;
