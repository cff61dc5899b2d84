# shellcheck shell=bash
# Shared by all restores: choose a backup, prove the key, fetch, recover. Whatever fails ends the script with an error,
# and nothing but the directory that was named has been written to.

# choose_backup LATEST|NAME [TIME]: sets `chosen` and `chosen_bytes`. With a time (seconds since 1970) the newest backup
# that had ended by then.
choose_backup() {
  local backups name system ended bytes
  chosen='' chosen_bytes=0
  backups=$(list_backups)
  [[ -n $backups ]] || die "there is no backup in $WALG_S3_PREFIX"
  while read -r name system ended bytes; do
    [[ $1 == LATEST || $1 == "$name" ]] || continue
    [[ -z ${2:-} ]] || ((ended <= $2)) || continue
    chosen=$name chosen_bytes=$bytes
  done <<<"$backups"
  [[ -n $chosen ]] || die "no backup fits '$1'${2:+ that had ended by $(date --utc --date="@$2" +%FT%TZ)}; there are:
$backups"
  say "backup $chosen, $((chosen_bytes / 1048576)) MiB"
}

# read_target: PLATFORM_RESTORE_TIME as a line of configuration in `target`, and in whole seconds in `until_seconds`;
# both empty without one. PostgreSQL reads no "Z" there, so the zone is written as an offset.
read_target() {
  target=() until_seconds=''
  [[ -n ${PLATFORM_RESTORE_TIME:-} ]] || return 0
  target=("recovery_target_time = '$(date --utc --date="$PLATFORM_RESTORE_TIME" '+%F %T.%6N+00')'")
  until_seconds=$(date --date="$PLATFORM_RESTORE_TIME" +%s)
}

# prove_key BACKUP: fetches the piece of log that the backup began in. It is encrypted like the backup, so a wrong key
# fails here, before anything is written where data belongs.
prove_key() {
  local segment=${1#base_}
  segment=${segment%%_*}
  rm -f "/tmp/$segment"
  WALG_DOWNLOAD_CONCURRENCY=1 walg wal-fetch "$segment" "/tmp/$segment" ||
    die "cannot read $segment of $WALG_S3_PREFIX: the encryption key is not the one of this backup, or the store lacks the segment; nothing was restored"
  rm -f "/tmp/$segment"
}

# room_for BYTES DIRECTORY: refuses when the file system of DIRECTORY has less than that, and a tenth more.
room_for() {
  local free
  free=$(df --output=avail --block-size=1 "$2" | tail -n 1)
  ((free > $1 + $1 / 10)) ||
    die "$2 has $((free / 1048576)) MiB free, the backup needs $(($1 * 11 / 10 / 1048576)); make room or use a larger volume"
}

# fetch_backup BACKUP DIRECTORY: fills the new directory DIRECTORY, and says every 15 s how far it is.
# wal-g tries a damaged object again and again with growing pauses; damage does not heal, so the second try is the last.
# It would write each of a thousand small files through to the disk before it goes on; here all of them at the end.
fetch_backup() {
  local from=$SECONDS output pid damaged status=0
  output=$(mktemp)
  mkdir -m 0700 "$2"
  WALG_TAR_DISABLE_FSYNC=true walg backup-fetch "$2" "$1" >"$output" 2>&1 &
  pid=$!
  local shown=$SECONDS
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    damaged=$(grep -cE 'corrupted chunk|decompress failed' "$output" || true)
    if ((damaged >= 4 || (damaged >= 2 && SECONDS - from > 75))); then
      kill "$pid"
      break
    fi
    ((SECONDS - shown < 15)) || { shown=$SECONDS; say "fetched $(du -sm "$2" | cut -f1) of $((chosen_bytes / 1048576)) MiB in $((SECONDS - from)) s"; }
  done
  wait "$pid" || status=$?
  if ((status != 0)) || [[ ! -e $2/PG_VERSION || ! -e $2/global/pg_control ]]; then
    grep -E 'ERROR|FATAL' "$output" | tail -n 20 >&2 || true
    die "the backup $1 could not be fetched (status $status): if it is damaged, name the one before it"
  fi
  rm -f "$output"
  sync --file-system "$2" || die "$2: what was fetched could not be written to the disk"
  mkdir -p "$2/pg_wal"
  say "fetched $1 in $((SECONDS - from)) s"
}

# settings_like DIRECTORY: PostgreSQL refuses to recover with less than the server had that wrote the log.
settings_like() {
  local name field
  while read -r name field; do
    printf "%s = %s\n" "$name" "$(control "$field setting" "$1")"
  done <<'LIST'
max_connections max_connections
max_worker_processes max_worker_processes
max_wal_senders max_wal_senders
max_prepared_transactions max_prepared_xacts
max_locks_per_transaction max_locks_per_xact
LIST
}

# start_recovery DIRECTORY ARCHIVE [LINE...]: a server of its own on DIRECTORY, reachable by socket only, recovers it up
# to the target that the LINEs of configuration set (none: all of the log) and opens it. ARCHIVE `later` keeps what the
# archive has to get for the server that takes over; `off` archives nothing. The server runs on; its id is in `server`.
start_recovery() {
  local directory=$1 archive=$2 from=$SECONDS shown=$SECONDS conf=/tmp/restore.conf
  shift 2
  printf 'local all postgres peer\n' >/tmp/restore_hba.conf
  : >/tmp/restore_ident.conf
  {
    printf "data_directory = '%s'\nhba_file = '/tmp/restore_hba.conf'\nident_file = '/tmp/restore_ident.conf'\n" "$directory"
    printf "listen_addresses = ''\nport = 5432\nunix_socket_directories = '/tmp'\nssl = off\nlogging_collector = off\ntimezone = 'UTC'\n"
    printf "log_min_error_statement = 'panic'\nlog_error_verbosity = 'terse'\nlog_startup_progress_interval = '15s'\n"
    printf "shared_buffers = '%sMB'\nautovacuum = off\nhot_standby = on\n" "${PLATFORM_SHARED_BUFFERS_MIB:-64}"
    printf "restore_command = 'bash %s/fetch-wal.sh \"%%f\" \"%%p\"'\n" "$scripts"
    printf "recovery_target_action = 'promote'\nrecovery_target_timeline = 'latest'\n"
    case $archive in
      off) printf 'archive_mode = off\n' ;;
      later) printf "archive_mode = on\narchive_command = 'false'\n" ;;
    esac
    settings_like "$directory"
    (($# == 0)) || printf '%s\n' "$@"
  } >"$conf"
  rm -f /tmp/platform-log-gap "$directory/postmaster.pid" "$directory/postmaster.opts" "$directory/standby.signal"
  touch "$directory/recovery.signal"
  chmod 0700 "$directory"
  # -D, because the image's own PGDATA need not exist here.
  "$pg_bin/postgres" -D "$directory" -c config_file="$conf" >&2 &
  server=$!
  until [[ $(sql 'SELECT pg_is_in_recovery()' 2>/dev/null) == f ]]; do
    kill -0 "$server" 2>/dev/null || die "the recovery ended early, see the messages of PostgreSQL above; ${directory} is not usable"
    ((SECONDS - shown < 30)) || { shown=$SECONDS; say "recovering for $((SECONDS - from)) s"; }
    sleep 1
  done
  say "recovered in $((SECONDS - from)) s"
  [[ ! -e /tmp/platform-log-gap ]] || say "WARNING: $(</tmp/platform-log-gap)"
}

# sql TEXT [DATABASE]: asks the server that start_recovery began.
sql() { "$pg_bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --host=/tmp --port=5432 --username=postgres --dbname="${2:-postgres}" --command="$1"; }

# stop_server: a clean end, so that the next start recovers nothing.
stop_server() {
  kill -INT "$server"
  wait "$server" || die "the server did not end cleanly"
}
