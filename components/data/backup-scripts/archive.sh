# shellcheck shell=bash
# archive_command: stores one finished file of the write-ahead log ($1, relative to PGDATA). PostgreSQL keeps the file
# and tries again until this ends with 0; a file that is stored already with other content is refused.
set -euo pipefail
exec "$PLATFORM_WALG" wal-push "$1"
