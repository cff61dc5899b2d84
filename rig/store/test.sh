#!/usr/bin/env bash
# Tests of the object store and of what services have in common: prints TAP and counts; status 1 if anything failed.
# About 20 seconds once MinIO is in the cache. Uses a state directory of its own; hosts and other stores may run.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"

if ! reason=$("$RIG_DIR/host/host.sh" supported); then
  echo "1..0 # SKIP $reason"
  exit 0
fi
RIG_STATE=$(mktemp -d "${TMPDIR:-/tmp}/store-test.XXXXXX")
export RIG_STATE
passed=0 failed=0

cleanup() {
  "$HERE/store.sh" destroy-all || true
  rm -rf --one-file-system "$RIG_STATE"
}
trap cleanup EXIT

store() { "$HERE/store.sh" "$@"; }
as_app() { STORE_USER=app store "$@"; }
refuses() { ! "$@"; }
same() { [[ $1 == "$2" ]] || { echo "want '$2', have '$1'" && return 1; }; }
leftovers() { "$RIG_DIR/host/host.sh" leftovers; }

# check TITLE COMMAND...: the command's output is shown only when it fails.
check() {
  local title=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok $((passed + failed)) - $title"
  else
    failed=$((failed + 1))
    echo "not ok $((passed + failed)) - $title"
    tail -n 20 <<<"$output" | sed 's/^/# /'
  fi
}

# says TEXT COMMAND...: the command fails and its message has TEXT.
says() {
  local text=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "it succeeded: $output"
    return 1
  fi
  [[ $output == *"$text"* ]] || { echo "want '$text' in: $output" && return 1; }
}

# curl_status OPTION...: curl's exit status for the store's own health page.
curl_status() {
  local status=0
  curl --silent --max-time 2 --output /dev/null "$@" "$(store url st1)/minio/health/live" || status=$?
  echo "$status"
}

put() { store put st1 "$1" <<<"$2"; }
app_put() { as_app put st1 "$1" <<<"$2"; }
count() { store versions st1 "$1" | wc -l; }
secret() { store credentials st1 "$1" | jq -r .secretAccessKey; }
# in_clear TEXT: nothing that other users of this machine can see has the text. It stays out of our own arguments.
in_clear() { grep -lsF -f <(echo "$1") /proc/[0-9]*/cmdline; }

check 'a store starts' store start st1
store ca st1 >"$RIG_STATE/ca.crt"
check 'it answers with its own CA' same "$(curl_status --cacert "$RIG_STATE/ca.crt")" 0
check 'public authorities do not vouch for it' same "$(curl_status)" 60
check 'it has an address on the bridge' same "$(store cidr st1)" "$(store url st1 | sed -E 's|https://(.*):9000|\1/32|')"
check 'app writes' app_put wal/1 first
check 'app reads' same "$(as_app get st1 wal/1)" first
check 'app lists' same "$(as_app ls st1 wal/)" '6 wal/1'
check 'app does not delete' says 'Access Denied' as_app rm st1 wal/1
check 'nor erase a version' says 'Access Denied' as_app erase st1 wal/1 "$(store versions st1 wal/1 | cut -d' ' -f2)"
check 'a fault replaces content' put wal/1 other
check 'and the former version stays' same "$(count wal/1)" 2
check 'admin deletes' store rm st1 wal/1
check 'what is deleted is gone for readers' says 'does not exist' as_app get st1 wal/1
check 'and its versions are not' same "$(count wal/1)" 3
check 'secrets stand in no argument' refuses in_clear "$(secret app)"
check 'secrets differ' refuses same "$(secret app)" "$(secret admin)"
check 'an unknown user is refused' says "of 'root'" store credentials st1 root
check 'an unknown command is refused' says 'unknown command' store empty st1

check 'block' store block st1
check 'a blocked store does not answer' same "$(curl_status --cacert "$RIG_STATE/ca.crt")" 28
check 'one can look in meanwhile' put wal/2 blocked
check 'unblock' store unblock st1
check 'and it answers again' same "$(curl_status --cacert "$RIG_STATE/ca.crt")" 0
check 'unblock of an open store is no error' store unblock st1

before=$(secret app)
check 'stop' store stop st1
check 'a stopped store is listed so' same "$(store list | cut -d' ' -f1,3)" 'st1 off'
check 'a stopped store cannot be looked into' says 'not running' store ls st1
check 'it starts again' store start st1
check 'with its objects' same "$(store get st1 wal/2)" blocked
check 'and its secrets' same "$(secret app)" "$before"
check 'start of a running store is no error' store start st1
check 'a second store starts beside it' store start st2
check 'with objects of its own' same "$(store ls st2)" ''
check 'and a CA of its own' refuses same "$(store ca st1)" "$(store ca st2)"

found=$(leftovers || true)
for what in 'directory of service s3_st1' 'claimed name s3_st1' 'network namespace of s3_st1' 'network link of s3_st1' 'process of s3_st1'; do
  check "leftovers: $what" grep -q "^$what" <<<"$found"
done
check 'destroy' store destroy st1
check 'of which nothing is left' refuses grep -q s3_st1 <<<"$(leftovers || true)"
check 'a missing store is named' says "no store 'st1'" store url st1
rm "$RIG_STATE/services/s3_st2/complete"
check 'a half-made store can be destroyed' store destroy-all
check 'nothing is left on the machine' leftovers

echo "1..$((passed + failed))"
echo "# $passed passed, $failed failed in $SECONDS s"
((failed == 0))
