# shellcheck shell=bash
# The restore drill: proves that what lies in the store becomes the database again, without a way to the real one.
# Restores twice. To the end of the log, to see how much a loss now would cost (RPO) and how long it takes (RTO); and to
# the newest fingerprint, where every table must have the rows and the hash that the source wrote down under lock.
began=$(date +%s)
failure='' backup='' rpo=-1 rto=-1 bytes=0 tables=0 rows=0 printed=''
evidence=$evidence_root/evidence
restored=$restore_root/data

metrics=$evidence_root/drill.prom

# gauge NAME HELP VALUE: one metric; none for a value that is not known.
gauge() {
  [[ $3 =~ ^[0-9]+$ ]] || return 0
  printf '# HELP platform_restore_drill_%s %s\n# TYPE platform_restore_drill_%s gauge\nplatform_restore_drill_%s %s\n' "$1" "$2" "$1" "$1" "$3"
}

# Always leaves a verdict, also when a step has ended the script.
report() {
  local ok=false metric=0 stamp succeeded
  succeeded=$(sed -n 's/^platform_restore_drill_last_success_timestamp_seconds //p' "$metrics" 2>/dev/null || true)
  [[ $finished != true ]] || { ok=true metric=1 succeeded=$began; }
  stamp=$(date --utc --date="@$began" +%Y%m%dT%H%M%SZ)
  mkdir -p "$evidence"
  printf '{"kind":"restore-drill","startedAt":"%s","ok":%s,"backup":"%s","backupBytes":%s,"rpoSeconds":%s,"rtoSeconds":%s,"fingerprintAt":"%s","tables":%s,"rows":%s,"failedStep":"%s"}\n' \
    "$(date --utc --date="@$began" +%FT%TZ)" "$ok" "$backup" "$bytes" "$rpo" "$rto" "$printed" "$tables" "$rows" "$failure" |
    tee "$evidence/$stamp.json.new"
  mv "$evidence/$stamp.json.new" "$evidence/$stamp.json"
  {
    gauge ok '1 when the last restore drill proved the backups, 0 when it did not.' "$metric"
    gauge last_run_timestamp_seconds 'When it began.' "$began"
    gauge last_success_timestamp_seconds 'When the last one that proved the backups began.' "$succeeded"
    gauge rpo_seconds 'Age of the newest restored write; missing when the drill did not get that far.' "$rpo"
    gauge rto_seconds 'From the start until the database answered; missing when the drill did not get that far.' "$rto"
  } >"$metrics.new"
  # Its exporter reads it as another user of the group; the verdicts beside it stay closed.
  chmod 0640 "$metrics.new"
  mv "$metrics.new" "$metrics"
  find "$evidence" -name '*.json' -printf '%T@ %p\n' | sort -rn | tail -n +501 | cut -d' ' -f2- | xargs -r rm -f --
  rm -rf -- "$restored"
}
finished=false
trap report EXIT
trap 'exit 143' TERM INT

failure="choose a backup"
choose_backup LATEST
backup=$chosen bytes=$chosen_bytes
failure="prove the key"
prove_key "$chosen"
failure="make room"
rm -rf -- "$restored"
room_for "$chosen_bytes" "$restore_root"

failure="restore to the end of the log"
fetch_backup "$chosen" "$restored"
start_recovery "$restored" off
rto=$(($(date +%s) - began))
failure="read the heartbeat"
age=$(sql "SELECT greatest(0, ceil($began - extract(epoch FROM at)))::bigint FROM platform.heartbeat" "$database")
[[ $age =~ ^[0-9]+$ ]] || die "the restored database holds no heartbeat"
rpo=$age
failure="find the fingerprint"
read -r xid taken printed < <(sql "SELECT xid::text || ' ' || floor(extract(epoch FROM at))::bigint || ' ' || to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM platform.fingerprint ORDER BY at DESC LIMIT 1" "$database") ||
  die "the restored database holds no fingerprint; the backup job writes one after each base backup and says when it is in the store: run that job, then the drill"
((began - taken < ${PLATFORM_FINGERPRINT_MAX_AGE_SECONDS:-345600})) || die "the newest fingerprint is of $printed; the backup job has not written one since, see its log"
failure="check tables and indexes"
"$pg_bin/pg_amcheck" --host=/tmp --port=5432 --username=postgres --all --install-missing --heapallindexed >&2 || die "pg_amcheck found damage in the restored database, see above"
failure="dump the restored database"
"$pg_bin/pg_dump" --host=/tmp --port=5432 --username=postgres --dbname="$database" >/dev/null
stop_server
rm -rf -- "$restored"

failure="restore to the fingerprint"
choose_backup LATEST "$taken"
fetch_backup "$chosen" "$restored"
start_recovery "$restored" off "recovery_target_xid = '$xid'" 'recovery_target_inclusive = on'
failure="compare rows and hashes"
different=$(sql "SELECT string_agg(coalesce(now.relation, was.relation), ', ') FROM platform.measure() AS now
  FULL JOIN (SELECT * FROM platform.fingerprint WHERE xid = '$xid') AS was USING (relation)
  WHERE now.rows IS DISTINCT FROM was.rows OR now.hash IS DISTINCT FROM was.hash" "$database")
[[ -z $different ]] || die "these tables are not as they were: $different"
read -r tables rows < <(sql "SELECT count(*) || ' ' || coalesce(sum(rows), 0) FROM platform.fingerprint WHERE xid = '$xid'" "$database")
stop_server
failure=''
finished=true
say "proved: $tables tables, $rows rows equal; RPO $rpo s, RTO $rto s"
