# shellcheck shell=bash
# Before an empty volume becomes a new cluster: its prefix in the store must be empty, or two systems would mix there.
backups=$(list_backups)
if [[ -n $backups ]]; then
  say "found in $WALG_S3_PREFIX:"
  printf '%s\n' "$backups"
  die "$WALG_S3_PREFIX holds backups of another system. To get that data back set data.postgres.bootstrap to restore; to begin anew give this stack a prefix of its own (data.backup.prefix)"
fi
log=$(walg wal-show --detailed-json 2>&1) || die "cannot look at the write-ahead log in $WALG_S3_PREFIX: $log"
[[ $log != *'"start_segment"'* ]] ||
  die "$WALG_S3_PREFIX holds write-ahead log of another system, and no backup that it belongs to; give this stack a prefix of its own (data.backup.prefix), or empty this one"
say "$WALG_S3_PREFIX is empty"
