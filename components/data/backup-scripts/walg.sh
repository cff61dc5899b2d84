# shellcheck shell=bash
# Shared by everything that calls wal-g; sourced, with PLATFORM_WALG (path of the binary) and wal-g's own environment set.
script=${0##*/}
script=${script%.sh}

say() { printf '%s: %s\n' "$script" "$1"; }
die() {
  printf '%s: refused: %s\n' "$script" "$1" >&2
  exit 1
}

# walg ARG...: the binary that this pod was given, whether the image or the volume holds it.
walg() {
  command -v "${PLATFORM_WALG:-}" >/dev/null ||
    die "there is no '${PLATFORM_WALG:-}': the image does not carry it (data.postgres.imageContents), or the volume has lost it (data.backup.binary)"
  "$PLATFORM_WALG" "$@"
}

# list_backups: one line per complete backup, oldest first: name, system identifier, seconds since 1970 of its end, bytes.
# Nothing for an empty store; a store that does not answer is an error.
list_backups() {
  local json
  json=$(walg backup-list --detail --json) || die "cannot list the backups in ${WALG_S3_PREFIX:-}; see the message of wal-g above"
  { grep -oE '"(backup_name|system_identifier|finish_time|uncompressed_size)" *: *("[^"]*"|[0-9]+)' <<<"$json" || true; } |
    sed -E 's/^"([a-z_]+)" *: *"?([^"]*)"?$/\1 \2/' | awk '
      function put() { if (name != "") print name, owner, ended, bytes }
      $1 == "backup_name" { put(); name = $2; owner = "-"; ended = "-"; bytes = 0 }
      $1 == "system_identifier" { owner = $2 }
      $1 == "finish_time" { ended = $2 }
      $1 == "uncompressed_size" { bytes = $2 }
      END { put() }' |
    while read -r name system ended bytes; do
      printf '%s %s %s %s\n' "$name" "$system" "$(date --date="$ended" +%s)" "$bytes"
    done | sort -k3,3n
}

# control FIELD DIRECTORY: one line of what pg_controldata says of a cluster.
control() { LC_ALL=C "$pg_bin/pg_controldata" "$2" | sed -n "s/^$1: *//p"; }

# only_ours SYSTEM: ends the script when the store holds a backup of another system than SYSTEM.
only_ours() {
  local backups name system rest
  backups=$(list_backups)
  while read -r name system rest; do
    [[ -z $name || $system == "$1" || $system == - ]] ||
      die "$WALG_S3_PREFIX holds $name of the system $system, this one is $1; give this stack a prefix of its own (data.backup.prefix)"
  done <<<"$backups"
}

# on_this_timeline SYSTEM: is there a backup of SYSTEM on the timeline that the cluster in $data is on?
on_this_timeline() {
  local timeline backups
  timeline=$(printf 'base_%08X' "$(control "Latest checkpoint's TimeLineID" "$data")")
  backups=$(list_backups)
  grep -qE "^${timeline}[0-9A-F_D]+ $1 " <<<"$backups"
}
