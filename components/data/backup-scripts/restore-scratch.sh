# shellcheck shell=bash
# Restores into a volume of its own and serves it on a socket until the pod is removed. Archives nothing.
read_target
rm -f /tmp/.restored
choose_backup "$PLATFORM_RESTORE_BACKUP" "$until_seconds"
prove_key "$chosen"
rm -rf -- "$restore_root/data"
room_for "$chosen_bytes" "$restore_root"
fetch_backup "$chosen" "$restore_root/data"
start_recovery "$restore_root/data" off "${target[@]}"
touch /tmp/.restored
say "ready: $pg_bin/psql --host=/tmp --username=postgres $database"
trap 'stop_server; exit 0' TERM INT
wait "$server"
