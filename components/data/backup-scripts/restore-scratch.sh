# shellcheck shell=bash
# Restores into a volume of its own and serves it on a socket until the pod is removed. Archives nothing.
target=()
[[ -z ${PLATFORM_RESTORE_TIME:-} ]] || target=("recovery_target_time = '$PLATFORM_RESTORE_TIME'")
until_seconds=''
[[ -z ${PLATFORM_RESTORE_TIME:-} ]] || until_seconds=$(date --date="$PLATFORM_RESTORE_TIME" +%s)
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
