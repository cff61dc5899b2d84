#!/usr/bin/env bash
# wal-g of the rig: gives wal-g-real, an old release candidate (the only version that package registries offer), the
# interface that the documentation of 3.0.9 describes, as far as the platform uses it. What it does not know, it refuses.
set -euo pipefail
real=${BASH_SOURCE[0]%/*}/wal-g-real

refuse() {
  printf 'ERROR: wal-g of the rig: %s\n' "$1" >&2
  exit 70
}

# The names that both versions take and that do the same in both.
known=' WALG_S3_PREFIX WALG_S3_CA_CERT_FILE WALG_COMPRESSION_METHOD WALG_LIBSODIUM_KEY_PATH WALG_LIBSODIUM_KEY_TRANSFORM '
known+=' WALG_UPLOAD_CONCURRENCY WALG_UPLOAD_DISK_CONCURRENCY WALG_DOWNLOAD_CONCURRENCY WALG_NETWORK_RATE_LIMIT '
known+=' WALG_PREVENT_WAL_OVERWRITE WALG_DELTA_MAX_STEPS WALG_PREFETCH_DIR WALG_TAR_SIZE_THRESHOLD WALG_LOG_LEVEL WALG_SLOTNAME WALG_TAR_DISABLE_FSYNC '
known+=' AWS_ENDPOINT AWS_S3_FORCE_PATH_STYLE AWS_REGION AWS_SHARED_CREDENTIALS_FILE '
for name in $(compgen -e | grep -E '^(WALG|WALE|AWS|S3)_'); do
  [[ $known == *" $name "* ]] || refuse "environment name $name is not one that it knows"
done
[[ ${AWS_ENDPOINT:-https://} == https://* ]] || refuse "AWS_ENDPOINT is '$AWS_ENDPOINT', not https"

# The old version reads zstd but does not write it; its own default stands in, so sizes and times are not 3.0.9's.
case ${WALG_COMPRESSION_METHOD:-zstd} in
  zstd) export WALG_COMPRESSION_METHOD=lz4 ;;
  *) refuse "WALG_COMPRESSION_METHOD is '$WALG_COMPRESSION_METHOD', only zstd is known" ;;
esac

# 3.0.9 decodes the key itself. The old version takes the first 32 bytes of the text and drops white space at its
# ends, so it gets text that depends on every bit of the key.
use_key() {
  local key
  [[ ${WALG_LIBSODIUM_KEY_TRANSFORM:-} == hex ]] || refuse "WALG_LIBSODIUM_KEY_TRANSFORM is '${WALG_LIBSODIUM_KEY_TRANSFORM:-}', only hex is known"
  key=$(<"$WALG_LIBSODIUM_KEY_PATH")
  [[ $key =~ ^[0-9a-fA-F]{64}$ ]] || refuse "the file $WALG_LIBSODIUM_KEY_PATH does not hold 64 hexadecimal characters"
  WALG_LIBSODIUM_KEY=$(printf '%s' "${key,,}" | sha256sum)
  export WALG_LIBSODIUM_KEY=${WALG_LIBSODIUM_KEY:0:32}
  unset WALG_LIBSODIUM_KEY_PATH
}
# Without a key 3.0.9 would store in clear, and so would this one.
[[ -z ${WALG_LIBSODIUM_KEY_PATH:-} ]] || use_key
unset WALG_LIBSODIUM_KEY_TRANSFORM

# 3.0.9 ends with 74 when the store answers that there is no such file, the old version with 1 like for anything else.
fetch_wal() {
  local said status=0
  said=$("$real" "$@" 2>&1 >/dev/null) || status=$?
  [[ -z $said ]] || printf '%s\n' "$said" >&2
  [[ $status == 1 && $said == *"Archive '"*"' does not exist."* ]] && exit 74
  exit "$status"
}

case "${1:-} ${2:-}" in
  'wal-fetch '*) fetch_wal "$@" ;;
  'delete garbage') # of what 3.0.9 removes (old log, leftovers of failed backups) only the old log
    shift 2
    exec "$real" wal-purge "$@"
    ;;
  'wal-push '* | 'wal-receive '* | 'wal-verify '* | 'wal-show '* | 'backup-list '* | 'backup-push '* | 'backup-fetch '* | 'delete retain')
    exec "$real" "$@"
    ;;
  '--version '*) printf 'wal-g version v3.0.9\trig\t%s\tPostgreSQL\n' "$("$real" --version | tr '\t' ' ')" ;;
  *) refuse "command '${1:-} ${2:-}' is not one that it knows" ;;
esac
