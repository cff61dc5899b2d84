# shellcheck shell=bash
# Is the archived log complete, and of one line? A segment on its way counts as a warning, so look again for a while.
PGPASSWORD=$(<"$PLATFORM_PASSWORD_FILE")
export PGPASSWORD

verdict=''
for ((try = 1; try <= 6; try++)); do
  found=$(walg wal-verify integrity timeline --json)
  verdict=$(grep -oE '"(integrity|timeline)" *: *\{ *"status" *: *"[A-Z_]+"' <<<"$found" | sed -E 's/"([a-z]+)".*"([A-Z_]+)"$/\1=\2/' | sort | tr '\n' ' ' || true)
  say "try $try: ${verdict:-no verdict}"
  [[ $verdict != 'integrity=OK timeline=OK ' ]] || exit 0
  [[ $verdict == *WARNING* && $verdict != *FAILURE* ]] || break
  sleep 60
done
printf '%s\n' "$found"
die "the archived log is not sound (${verdict:-no verdict}): MISSING_LOST is a lost segment, a timeline that is not OK means two servers write to one prefix; make a new base backup at once (runbook: restore)"
