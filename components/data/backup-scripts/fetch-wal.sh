# shellcheck shell=bash
# restore_command: fetches the file $1 of the write-ahead log to $2. PostgreSQL takes any status below 126 for "there is
# no such file", ends the recovery and opens a database that lacks data; so only that case may end with 1.
set -uo pipefail
"$PLATFORM_WALG" wal-fetch "$1" "$2"
status=$?
case $status in
  0) exit 0 ;;
  74) exit 1 ;;
  *)
    printf 'fetch-wal: %s: wal-g ended with %s; recovery stops here, so that no data is missing unnoticed\n' "$1" "$status" >&2
    exit 200
    ;;
esac
