# shellcheck shell=bash
# Makes the first base backup of a timeline by itself: of a fresh cluster, and after a restore, when the log alone would
# lead back to the time before.
trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM INT
pause() { sleep "$1" & wait $!; }

# 0: there is a backup of this system on its timeline; 1: there is none; 2: nobody knows.
has_backup() {
  local own
  own=$(control 'Database system identifier' "$data") && [[ -n $own ]] || return 2
  (list_backups >/dev/null) || return 2
  on_this_timeline "$own"
}

failures=0
while true; do
  touch /tmp/alive
  if ! "$pg_bin/pg_isready" --quiet --timeout=3; then
    pause 5
    continue
  fi
  status=0
  has_backup || status=$?
  if ((status == 1)); then
    rm -f /tmp/backed-up
    say "this timeline has no base backup yet, making one"
    status=0
    # Longer than that is no backup but a hang.
    timeout 12h bash "${BASH_SOURCE[0]%/*}/backup.sh" || status=2
  fi
  if ((status == 0)); then
    failures=0
    touch /tmp/backed-up
    pause 60
  else
    failures=$((failures + 1))
    say "failed $failures times in a row, trying again"
    pause $((failures < 10 ? failures * 30 : 300))
  fi
done
