# shellcheck shell=bash
# One base backup, then retention. Needs the data volume (read-only is enough) and a login as the role of the backup.
PGPASSWORD=$(<"$PLATFORM_PASSWORD_FILE")
export PGPASSWORD

own=$(control 'Database system identifier' "$data")
[[ -n $own ]] || die "there is no cluster in $data"
only_ours "$own"

# A delta on a backup of another timeline could miss what this one wrote at the same places of the log.
kind=()
on_this_timeline "$own" || kind=(--full)
say "base backup of the system $own to $WALG_S3_PREFIX ${kind[*]}"
walg backup-push "$data" "${kind[@]}"
say "done, kept are:"
list_backups

# Where the store refuses to delete, its own life-cycle rule has to remove what is old; a backup is no worse for it.
prune() {
  local said
  if said=$(walg delete "$@" --confirm 2>&1); then
    return
  fi
  printf '%s\n' "$said" >&2
  [[ $said == *AccessDenied* || $said == *"Access Denied"* ]] || die "retention failed, see above; the backup itself is stored"
  say "the credentials may not delete; old backups are left to the store's life-cycle rule"
}
# By time: names sort wrongly after an upgrade.
prune retain FULL "$PLATFORM_RETAIN_FULL" --use-sentinel-time
prune garbage

ask() { "$pg_bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }

# A restore finds what was just written only when its piece of the log is in the store: an idle server would take the
# whole archive_timeout to send it.
until_archived() {
  local piece second
  piece=$(ask 'SELECT pg_walfile_name(pg_current_wal_insert_lsn())') && ask 'SELECT pg_switch_wal()' >/dev/null || return
  for ((second = 0; second < 150; second++)); do
    [[ $(ask "SELECT last_archived_wal >= '$piece' FROM pg_stat_archiver") != t ]] || return 0
    sleep 1
  done
  return 1
}

# For the restore drill: what the tables hold at one transaction. Writers wait meanwhile, so there is a limit to it; a
# night without one is no harm, the drill complains when they stay away.
if [[ -n ${PLATFORM_FINGERPRINT_SECONDS:-} ]]; then
  for ((try = 1; try <= 5; try++)); do
    if printed=$(PGOPTIONS="-c statement_timeout=${PLATFORM_FINGERPRINT_SECONDS}s" ask 'SELECT platform.take_fingerprint()'); then
      if until_archived; then
        say "fingerprint of $printed tables, in the store"
      else
        say "fingerprint of $printed tables, NOT yet in the store: the log is archived too slowly, see the alerts of archiving; a drill before it has arrived finds none"
      fi
      exit 0
    fi
    sleep 10
  done
  say "no fingerprint this time: the tables were not free for ${PLATFORM_FINGERPRINT_SECONDS} s"
fi
