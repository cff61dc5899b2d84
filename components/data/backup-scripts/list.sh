# shellcheck shell=bash
# The backups in the store, oldest first, for people.
backups=$(list_backups)
[[ -n $backups ]] || die "there is no backup in $WALG_S3_PREFIX"
printf '%-68s %-21s %s\n' NAME 'ENDED (UTC)' MIB
while read -r name _system ended bytes; do
  printf '%-68s %-21s %s\n' "$name" "$(date --utc --date="@$ended" +%FT%TZ)" "$((bytes / 1048576))"
done <<<"$backups"
