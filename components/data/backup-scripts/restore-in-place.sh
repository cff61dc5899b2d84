# shellcheck shell=bash
# Puts a restored cluster where the present one is, which is kept aside. The server must not run: who starts this has
# stopped it. Everything that can fail happens beside the present data; only then four renames exchange them, in an
# order in which no stage in between would be taken for an empty volume.
read_target
# Ends at once when it is told to, before the exchange.
trap 'exit 143' TERM INT
new=$data.restored
new_wal=$wal.restored

# Like every server of this volume, see init.sh: one that its node lost sight of may still run.
exec 9<"${data%/*/*}"
flock --timeout 120 9 || die "a server still uses ${data%/*/*}; it has to end first, nothing was changed"

choose_backup "$PLATFORM_RESTORE_BACKUP" "$until_seconds"
prove_key "$chosen"
rm -rf -- "$new" "$new_wal"
room_for "$chosen_bytes" "$(dirname "$data")"
fetch_backup "$chosen" "$new"
rm -rf -- "$new/pg_wal"
mkdir -m 0700 "$new_wal"
ln -s "$new_wal" "$new/pg_wal"
start_recovery "$new" later "${target[@]}"
say "last transaction: $(sql "SELECT coalesce(max(at)::text, 'none') FROM platform.heartbeat" "$database" 2>/dev/null || echo unknown) (heartbeat)"
stop_server

trap '' TERM INT
aside=before-$(date --utc +%Y%m%dT%H%M%SZ)
[[ ! -e $data ]] || mv -T "$data" "$data.$aside"
[[ ! -e $wal ]] || mv -T "$wal" "$wal.$aside"
mv -T "$new_wal" "$wal"
ln -sfnT "$wal" "$new/pg_wal"
mv -T "$new" "$data"
sync
say "restored; what was there is in $data.$aside and $wal.$aside until somebody removes it"
