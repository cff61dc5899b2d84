import { pgbouncerLayout, type PgBouncerLayout } from "./pgbouncerLayout.ts";

/** How a process of the same uid in the same pod reaches the console. No password: it is the same user. */
const consoleCommand = (layout: PgBouncerLayout, command: string): readonly string[] => [
  "psql",
  "--no-psqlrc",
  "--quiet",
  "--tuples-only",
  `--host=${layout.socketDirectory}`,
  `--port=${String(layout.port)}`,
  `--username=${layout.consoleUser}`,
  `--dbname=${layout.consoleDatabase}`,
  `--command=${command}`,
];

/**
 * Runs beside PgBouncer and makes it take over a changed configuration, user list or certificate. Connections stay;
 * a configuration that is refused leaves the old one in force and is tried again, with a line in the log each time.
 * @param periodSeconds between two looks
 */
export const renderReloadScript = (layout: PgBouncerLayout, periodSeconds = 5): string => `#!/bin/sh
set -eu
# kubelet swaps these links when a mounted Secret changes.
watched='${layout.configDirectory}/..data ${layout.tlsDirectory}/..data'

say() { printf 'pgbouncer-reloader: %s\\n' "$1"; }
# Ends at once on SIGTERM, also in the middle of a pause.
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }
current() { for link in $watched; do readlink "$link" || true; done; }
reload() { ${consoleCommand(layout, "RELOAD").join(" ")} >/dev/null; }

# Looked at before PgBouncer starts: what it read cannot be older than this.
seen=$(current)
say 'watching configuration and certificate'
while true; do
  pause ${String(periodSeconds)}
  now=$(current)
  [ "$now" != "$seen" ] || continue
  if reload; then
    seen=$now
    say 'configuration or certificate have changed, reloaded'
  else
    say 'could not reload, trying again; the log of PgBouncer says why'
  fi
done
`;

/** The kube-proxy of every node needs a moment to send new connections elsewhere. */
const noticeSeconds = 5;

/**
 * Runs before the container is stopped: after a moment PgBouncer is told to wait for the transactions in flight and to
 * turn away the rest (SIGINT). It must not return before PgBouncer has ended: the SIGTERM that follows would count as
 * the second signal and cut them off.
 */
export const stopCommand = [
  "sh",
  "-c",
  `sleep ${String(noticeSeconds)}; kill -INT 1; while kill -0 1; do sleep 1; done`,
] as const;

/** Asks the event loop itself: a port answers also when nobody behind it does. */
export const aliveCommand = consoleCommand(pgbouncerLayout, "SHOW VERSION");
