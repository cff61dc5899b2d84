# shellcheck shell=bash
# Sends the newest piece of the write-ahead log to the store while it is being written. Archiving goes on beside it and
# is the complete record, but it stores a piece when that is finished, up to a minute later; this covers the minute.
# (wal-g's own receiver would not: it uploads finished pieces only.) The pieces go round in sixteen names of a prefix of
# their own, so nothing has to be deleted and nothing grows. fetch-wal.sh asks for them where the archive ends.
pieces=$PLATFORM_STREAM_DIRECTORY
trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM INT
pause() { sleep "$1" & wait $!; }

# push FILE: stores a piece under the name of its last digit. What is torn at its end, PostgreSQL does not replay.
push() {
  local piece=${1##*/} link
  link=$pieces/out/00000000000000000000000${piece:23:1}.partial
  ln -f "$1" "$link" 2>/dev/null || return 0 # finished, and renamed, since it was listed
  # One upload at a time switches wal-g's search for other files off; the same name again is the point.
  WALG_S3_PREFIX=$WALG_S3_PREFIX/stream WALG_PREVENT_WAL_OVERWRITE=false WALG_UPLOAD_CONCURRENCY=1 \
    timeout 30 "$PLATFORM_WALG" wal-push "$link" >/tmp/stream.log 2>&1
}

failures=0
try_push() {
  if push "$1"; then
    ((failures == 0)) || say "the store takes the log again"
    failures=0
    return
  fi
  # Once a minute or so; archiving raises the alarm.
  ((failures % 30 != 0)) || { say "could not store the newest log, trying again:"; tail -n 3 /tmp/stream.log; }
  failures=$((failures + 1))
  return 1
}

# Until the receiver ends: finished pieces once, the growing one whenever it has grown.
follow() {
  local names last='' stamp
  while kill -0 "$receiver" 2>/dev/null; do
    touch /tmp/streaming
    mapfile -t names < <(cd "$pieces/in" && ls)
    # More than the store can take: archiving alone has to do until it catches up.
    while ((${#names[@]} > 3)); do
      rm -f "$pieces/in/${names[0]}"
      names=("${names[@]:1}")
    done
    for name in "${names[@]}"; do
      stamp="$name $(stat --format=%y "$pieces/in/$name" 2>/dev/null)" || continue
      [[ $stamp != "$last" ]] || continue
      try_push "$pieces/in/$name" || break
      if [[ $name == *.partial ]]; then last=$stamp; else rm -f "$pieces/in/$name"; fi
    done
    pause 1
  done
}

walg --version
while true; do
  touch /tmp/streaming
  if ! "$pg_bin/pg_isready" --quiet --timeout=3; then
    pause 5
    continue
  fi
  # Begins at the present position: without a slot, a receiver that is away holds nothing back on the server.
  rm -rf -- "${pieces:?}/in" "${pieces:?}/out"
  mkdir -p "$pieces/in" "$pieces/out"
  PGPASSWORD=$(<"$PLATFORM_PASSWORD_FILE") "$pg_bin/pg_receivewal" --no-loop --no-sync --no-password --directory="$pieces/in" &
  receiver=$!
  say "receiving the log"
  follow
  wait "$receiver" || true
  say "the connection to the database has ended, trying again"
  pause 2
done
