# shellcheck shell=bash
# restore_command: fetches the file $1 of the write-ahead log to $2. PostgreSQL takes any status below 126 for "there is
# no such file", ends the recovery and opens a database that lacks data; so only that case may end with 1.
set -uo pipefail

# fetch NAME FILE: ends the script unless the store has the file, or answers that it has not (status 74).
fetch() {
  local status=0
  "$PLATFORM_WALG" wal-fetch "$1" "$2" || status=$?
  case $status in
    0 | 74) return "$status" ;;
    *)
      printf 'fetch-wal: %s of %s: wal-g ended with %s; recovery stops here, so that no data is missing unnoticed\n' "$1" "$WALG_S3_PREFIX" "$status" >&2
      exit 200
      ;;
  esac
}

fetch "$1" "$2" && exit 0

# The archive ends here, unless the piece behind this one is there: then this one was lost, or still on its way when the
# machine went. PostgreSQL cannot tell that from the end and opens with what it has; people have to be told.
end_of_log() {
  local next=$((16#${1:8:8} * 256 + 16#${1:16:8} + 1))
  printf -v next '%s%08X%08X' "${1:0:8}" $((next / 256)) $((next % 256))
  if WALG_S3_PREFIX=$archive "$PLATFORM_WALG" wal-fetch "$next" "$2.next" 2>/dev/null; then
    printf '%s is missing in %s and %s behind it is not: the log is replayed to there, what was written later is not restored\n' "$1" "$archive" "$next" |
      tee /tmp/platform-log-gap | sed 's/^/fetch-wal: WARNING: /' >&2
  fi
  rm -f "$2.next" "$streamed"
  exit 1
}

# Where the archive ends: was it still being written when stream.sh stored it last? It lies under a name that others use
# too, so its head has to say that it is this piece of this timeline. PostgreSQL replays it to where it breaks off.
[[ $1 =~ ^[0-9A-F]{24}$ ]] || exit 1
archive=$WALG_S3_PREFIX
export WALG_S3_PREFIX=$archive/stream
streamed=$2.streamed
rm -f "$streamed"
fetch "00000000000000000000000${1:23:1}.partial" "$streamed" || end_of_log "$@"
read -r timeline < <(od --address-radix=n --format=u4 --skip-bytes=4 --read-bytes=4 "$streamed")
read -r address < <(od --address-radix=n --format=u8 --skip-bytes=8 --read-bytes=8 "$streamed")
if ((timeline == 16#${1:0:8} && address == (16#${1:8:8} << 32) + (16#${1:16:8} << 24))); then
  printf 'fetch-wal: %s is not archived, the part that was streamed is used\n' "$1" >&2
  mv "$streamed" "$2"
  exit 0
fi
end_of_log "$@"
