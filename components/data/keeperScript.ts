import { provisionedMarker, type PostgresLayout } from "./layout.ts";

/**
 * Runs beside the server in the same pod: applies roles and database as soon as the socket answers, and again (with a
 * reload) whenever the mounted roles, passwords or certificate change. An error ends it, so that it shows as a container
 * that restarts and the pod does not become ready.
 */
export const renderKeeperScript = (layout: PostgresLayout): string => `#!/usr/bin/env bash
set -euo pipefail
bin='${layout.binDirectory}'
socket='${layout.socketDirectory}'
marker='${provisionedMarker(layout)}'
sql='${layout.rolesDirectory}/roles.sql'
# kubelet swaps such a link when a mounted Secret or ConfigMap changes.
watched=('${layout.passwordDirectory}/..data' '${layout.tlsDirectory}/..data' '${layout.rolesDirectory}/..data')
# Statements of this session hold passwords.
export PGOPTIONS='-c log_statement=none -c log_min_error_statement=panic -c log_min_messages=log -c client_min_messages=warning'
export PGHOST=$socket PGUSER=postgres PGDATABASE=postgres PGPORT=${String(layout.port)} PGAPPNAME=platform-keeper

say() { printf 'postgres-keeper: %s\\n' "$1"; }
# Ends at once on SIGTERM, also in the middle of a pause.
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }
current() { readlink "\${watched[@]}" || true; }
apply() { "$bin/psql" --no-psqlrc --quiet --tuples-only --file="$sql" >/dev/null; }

rm -f "$marker"
waited=0
until "$bin/pg_isready" --quiet --timeout=3; do
  if (( waited % 30 == 0 )); then say "waiting for the server, \${waited}s so far (recovery after a crash takes minutes)"; fi
  pause 1
  waited=$((waited + 1))
done
seen=$(current)
apply
touch "$marker"
say "roles and database are as configured"
while true; do
  pause 10
  now=$(current)
  [[ $now != "$seen" ]] || continue
  say "roles, passwords or certificate have changed, applying them"
  if apply && "$bin/psql" --no-psqlrc --quiet --tuples-only --command='SELECT pg_reload_conf()' >/dev/null; then
    seen=$now
    say "applied"
  else
    say "could not apply them, trying again"
  fi
done
`;
