#!/usr/bin/env bash
# An S3 object store outside of the cluster: MinIO with TLS by a CA of its own, at an address on the hosts' bridge.
#   store.sh start NAME              makes it when missing, starts it, waits until it takes writes
#   store.sh stop NAME               ends it; address and objects stay
#   store.sh destroy NAME | destroy-all
#   store.sh block NAME | unblock NAME   drops every packet to and from it, so that callers wait
#   store.sh limit NAME MBIT | unlimit NAME   no faster than that, in each direction; until the next start
#   store.sh url NAME | cidr NAME | ca NAME | bucket NAME | region NAME | list
#   store.sh credentials NAME app|admin  JSON {accessKeyId, secretAccessKey}
#   store.sh ls|versions NAME [PREFIX]   "SIZE KEY" or "SIZE VERSION KEY" per line
#   store.sh get NAME KEY            an object to stdout
#   store.sh put NAME KEY            stdin becomes its newest version, as a fault in the store would
#   store.sh rm NAME KEY | erase NAME KEY VERSION
# The bucket keeps versions. User `app` may write, read and list, and neither delete nor end versioning; `admin` may
# do all that in the bucket. Looking in (ls to erase) works also when the store is blocked; it is done as `admin`,
# with STORE_USER=app as that user.
# NAME has up to 8 characters. State held: .rig/services/s3_NAME (objects, keys, log), secrets made at its first start.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=rig/service.sh
. "$RIG_DIR/service.sh"
# shellcheck source=rig/without.sh
. "$RIG_DIR/without.sh"

PORT=9000
BUCKET=backups
REGION=default

build_minio() {
  local module
  module=$(without "$RIG_DIR/go/minio" "$1/module")
  (cd "$module" && CGO_ENABLED=0 nice -n 5 go build -p 2 -trimpath -ldflags "-s -w" -o "$1/minio" github.com/minio/minio)
  rm -rf "$1/module"
}

build_client() {
  (cd "$RIG_DIR/go/minio" && CGO_ENABLED=0 nice -n 5 go build -p 2 -trimpath -ldflags "-s -w" -o "$1/client" ./client)
}

# A change of the client links no server again.
minio() { build_once minio "$(input_key "$RIG_DIR"/go/minio/{go.mod,go.sum,without} "text:$(declare -f build_minio without)")" build_minio; }
client() { build_once minio-client "$(input_key "$RIG_DIR/go/minio" "text:$(declare -f build_client)")" build_client; }

random() { openssl rand -hex "$1"; }

# make ID: certificates, secrets and configuration. `complete` comes last.
make() {
  local id=$1 directory=$SERVICES/$1 address
  address=$(<"$directory/ip")
  install -d -m 0700 "$directory/objects" "$directory/certs"
  make_authority "$directory"
  make_certificate "$directory" "$address"
  mv "$directory/public.crt" "$directory/private.key" "$directory/certs/"
  { random 20 && random 20 && random 20 && random 10; } | jq --raw-input --null-input --arg host "$address:$PORT" --arg bucket "$BUCKET" \
    --rawfile ca "$directory/ca.crt" '[inputs] as [$root, $app, $admin, $appId] | { host: $host, bucket: $bucket, ca: $ca,
      root: { accessKeyId: "root", secretAccessKey: $root }, app: { accessKeyId: $appId, secretAccessKey: $app },
      admin: { accessKeyId: "store-admin", secretAccessKey: $admin } }' >"$directory/store.json"
  # A file instead of the environment, which others on this machine could read.
  {
    jq --raw-output '"MINIO_ROOT_USER=\(.root.accessKeyId)", "MINIO_ROOT_PASSWORD=\(.root.secretAccessKey)"' "$directory/store.json"
    printf 'MINIO_REGION_NAME=%s\nMINIO_BROWSER=off\nMINIO_UPDATE=off\nMINIO_API_REQUESTS_MAX=64\n' "$REGION"
    printf 'MINIO_SCANNER_SPEED=slowest\nMINIO_PROMETHEUS_AUTH_TYPE=jwt\n'
  } >"$directory/environment"
  touch "$directory/complete"
}

start() {
  local id=$1 directory=$SERVICES/$1 server
  server=$(minio)
  client >/dev/null
  service_claim "$id"
  [[ -e $directory/complete ]] || make "$id"
  if ! service_runs "$id"; then
    service_run "$id" env -i HOME="$directory" MINIO_CONFIG_ENV_FILE="$directory/environment" GOMEMLIMIT=100MiB GOGC=30 GOMAXPROCS=2 \
      "$server/minio" server --quiet --certs-dir "$directory/certs" --address ":$PORT" "$directory/objects"
  fi
  look "$id" setup || die "the store did not start; last lines of $directory/log:$(printf '\n' && tail -n 15 "$directory/log")"
  log "$id: ready at $(url "$id")"
}

existing() {
  [[ -e $SERVICES/$1/complete ]] || die "no store '${1#s3_}' in $SERVICES; start it first"
}

# look ID COMMAND...: by the loopback interface of its namespace, which `block` leaves alone.
look() {
  local id=$1 built
  shift
  built=$(client)
  service_runs "$id" || die "store '${id#s3_}' is not running; start it"
  STORE=$SERVICES/$id/store.json ip netns exec "hc-$id" "$built/client" "$@"
}

# limit ID MBIT: by a queue at each end of its only wire.
limit() {
  local queue=(root tbf rate "${2:-}mbit" burst 256kb latency 200ms)
  [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "limit: '${2:-}' is not a number of Mbit per second"
  service_runs "$1" || die "store '${1#s3_}' is not running; start it"
  tc qdisc replace dev "hcv-$1" "${queue[@]}"
  tc -netns "hc-$1" qdisc replace dev eth0 "${queue[@]}"
}

unlimit() {
  tc qdisc delete dev "hcv-$1" root 2>/dev/null || true
  tc -netns "hc-$1" qdisc delete dev eth0 root 2>/dev/null || true
}

url() { echo "https://$(<"$SERVICES/$1/ip"):$PORT"; }

credentials() {
  [[ ${2:-} == app || ${2:-} == admin ]] || die "credentials: of '${2:-}'? write app or admin"
  jq --compact-output --arg user "$2" '.[$user]' "$SERVICES/$1/store.json"
}

list() {
  local id
  for id in $(service_ids s3); do
    printf '%s %s %s\n' "${id#s3_}" "$(cat "$SERVICES/$id/ip" 2>/dev/null || echo -)" "$(if service_runs "$id"; then echo running; else echo off; fi)"
  done
}

main() {
  local command=${1:-} id=''
  case $command in
    list | destroy-all) (($# == 1)) || die "$command takes nothing more" ;;
    start | stop | destroy | block | unblock | limit | unlimit | url | cidr | ca | bucket | region | credentials | ls | versions | get | put | rm | erase)
      id=$(service_id s3 "${2:-}")
      shift 2
      ;;
    *) die "unknown command '$command'; see the head of $0" ;;
  esac
  case $command in
    start | destroy | list | destroy-all) ;;
    *) existing "$id" ;;
  esac
  case $command in
    start) start "$id" ;;
    stop) service_end "$id" 10 ;;
    destroy) service_remove "$id" ;;
    destroy-all) for id in $(service_ids s3); do service_remove "$id"; done ;;
    list) list ;;
    block) service_block "$id" ;;
    unblock) service_unblock "$id" ;;
    limit) limit "$id" "$@" ;;
    unlimit) unlimit "$id" ;;
    url) url "$id" ;;
    cidr) echo "$(<"$SERVICES/$id/ip")/32" ;;
    ca) cat "$SERVICES/$id/ca.crt" ;;
    bucket) echo "$BUCKET" ;;
    region) echo "$REGION" ;;
    credentials) credentials "$id" "$@" ;;
    ls | versions | get | put | rm | erase) look "$id" "$command" "$@" ;;
  esac
}

main "$@"
