# shellcheck shell=bash
# bootstrap: restore. Fills the empty directory $PGDATA with the newest backup; the server then recovers the log.
choose_backup LATEST
prove_key "$chosen"
room_for "$chosen_bytes" "$PGDATA"
rmdir "$PGDATA"
fetch_backup "$chosen" "$PGDATA"
touch "$PGDATA/recovery.signal"
