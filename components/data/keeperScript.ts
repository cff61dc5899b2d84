import { database, provisionedMarker, walDirectory, type PostgresLayout } from "./layout.ts";

export interface KeeperScriptArgs {
  readonly layout: PostgresLayout;
  /** Room for the write-ahead log, GiB; less where its file system has less. */
  readonly walGiB: number;
}

/** Percent of the room for the log: from here on the application only reads ... */
export const readOnlyPercent = 80;
/** ... until the log is below this again. */
export const writablePercent = 60;

/**
 * Runs beside the server in the same pod:
 * - applies roles and database as soon as the server takes writes, again (with a reload) whenever the mounted roles,
 *   passwords or certificate change, and once an hour, so that what somebody changed by hand does not stay. An error
 *   of the first time ends it, so that it shows as a container that restarts and the pod does not become ready;
 * - writes the heartbeat;
 * - makes the application read-only while the write-ahead log has no room. PostgreSQL itself would go on until the
 *   disk is full, and then stop. The state is in the database, so another keeper goes on where this one was killed.
 */
export const renderKeeperScript = ({ layout, walGiB }: KeeperScriptArgs): string => `#!/usr/bin/env bash
set -euo pipefail
bin='${layout.binDirectory}'
marker='${provisionedMarker(layout)}'
sql='${layout.rolesDirectory}/roles.sql'
wal='${walDirectory(layout)}'
limit=$((${String(walGiB)} * 1024 * 1024 * 1024))
# kubelet swaps such a link when a mounted Secret or ConfigMap changes.
watched=('${layout.passwordDirectory}/..data' '${layout.tlsDirectory}/..data' '${layout.rolesDirectory}/..data')
# Statements of this session hold passwords, and what it changes is what config says.
export PGOPTIONS='-c log_statement=none -c pgaudit.log=none -c log_min_error_statement=panic -c log_min_messages=log -c client_min_messages=warning'
export PGHOST='${layout.socketDirectory}' PGUSER=postgres PGDATABASE=postgres PGPORT=${String(layout.port)} PGAPPNAME=platform-keeper

say() { printf 'postgres-keeper: %s\\n' "$1"; }
# Ends at once on SIGTERM, also in the middle of a pause.
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }
current() { readlink "\${watched[@]}" || true; }
run() { "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"; }
apply() { run --file="$sql" >/dev/null; }
ask() { run --dbname=${database} --command="$1"; }
takes_writes() { "$bin/pg_isready" --quiet --timeout=3 && [[ $(run --command='SELECT pg_is_in_recovery()') == f ]]; }

# One session that lasts, and a new one when the server has ended it; see platform.tick for what it says.
ticks=
read_only=
used=0
files=0
waiting=0
tick() {
  local line status
  while [[ -n $ticks ]]; do
    status=0
    read -r -t 0.1 -u "$ticks" line || status=$?
    if (( status == 0 )); then
      read -r read_only used files waiting <<<"$line"
    elif (( status > 128 )); then
      return 0
    else
      exec {ticks}<&-
      ticks=
      # The server was restarted, or its database exchanged for another one.
      applied=-3600
    fi
  done
  read_only=
  exec {ticks}< <(run --dbname=${database} <<<'SELECT platform.tick() \\watch interval=2')
}

reapply() {
  if apply && run --command='SELECT pg_reload_conf()' >/dev/null; then
    seen=$1
    applied=$SECONDS
    say "applied"
  else
    say "could not apply them, trying again"
  fi
}
keep_applied() {
  local now
  now=$(current)
  if [[ $now != "$seen" ]]; then
    say "roles, passwords or certificate have changed, applying them"
    reapply "$now"
  elif (( SECONDS - applied >= 3600 )); then
    say "applying roles and database again"
    reapply "$now"
  fi
}

switch_to() {
  ask "SELECT platform.switch_application($1, $used, $room)" >/dev/null || return 0
  ask 'SELECT platform.tick()' >/dev/null || true
  say "$2: the write-ahead log takes $percent % of its $((room / 1048576)) MiB"
}
# What has been archived is removed by a checkpoint only, and an idle server makes none.
clean_up() {
  (( waiting * 16777216 * 100 / room < ${String(writablePercent - 10)} && SECONDS - cleaned >= 15 )) || return 0
  cleaned=$SECONDS
  run --command='CHECKPOINT' || true
}
keep_bound() {
  local free
  [[ -n $read_only ]] || return 0
  free=$(df --output=avail --block-size=1 "$wal" | tail -n 1)
  room=$((files + free < limit ? files + free : limit))
  percent=$((used * 100 / room))
  if [[ $read_only == f ]] && (( percent >= ${String(readOnlyPercent)} )); then
    switch_to true "the application is read-only"
  elif [[ $read_only == t ]] && (( percent < ${String(writablePercent)} )); then
    switch_to false "the application writes again"
  elif [[ $read_only == t ]]; then
    clean_up
  fi
}

rm -f "$marker"
waited=0
until takes_writes; do
  if (( waited % 30 == 0 )); then say "waiting for the server, \${waited}s so far (recovery after a crash or of a backup takes its time)"; fi
  pause 1
  waited=$((waited + 1))
done
seen=$(current)
apply
applied=$SECONDS
cleaned=-60
touch "$marker"
say "roles and database are as configured"
turns=0
while true; do
  tick
  keep_bound
  (( turns % 5 != 4 )) || keep_applied
  turns=$((turns + 1))
  pause 2
done
`;
