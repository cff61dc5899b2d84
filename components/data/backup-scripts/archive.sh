# shellcheck shell=bash
# archive_command: stores one finished file of the write-ahead log ($1, relative to PGDATA). PostgreSQL keeps the file
# and tries again until this ends with 0; a file that is stored already with other content is refused.
set -euo pipefail
# A store that no longer answers can hold wal-g for a quarter of an hour, also when it is back, and PostgreSQL would
# see no failure. In two minutes a file (16 MiB) goes to any store that keeps up. In the foreground: what ends the
# server's processes ends this one too.
exec timeout --foreground --kill-after=10 120 "$PLATFORM_WALG" wal-push "$1"
