#!/usr/bin/env bash
# Tests of the receiver of alerts, as a process: prints TAP and counts; status 1 if anything failed. About 10 seconds.
# What it takes and refuses is tested in go/receiver. Uses a state directory of its own; hosts and others may run.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"

if ! reason=$("$RIG_DIR/host/host.sh" supported); then
  echo "1..0 # SKIP $reason"
  exit 0
fi
RIG_STATE=$(mktemp -d "${TMPDIR:-/tmp}/receiver-test.XXXXXX")
export RIG_STATE
passed=0 failed=0

cleanup() {
  "$HERE/receiver.sh" destroy-all || true
  rm -rf --one-file-system "$RIG_STATE"
}
trap cleanup EXIT

receiver() { "$HERE/receiver.sh" "$@"; }
same() { [[ $1 == "$2" ]] || { echo "want '$2', have '$1'" && return 1; }; }

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

# tell CA BODY: posts to the webhook; prints curl's exit status and the answer's.
tell() {
  local status=0 answer
  answer=$(curl --silent --max-time 2 --output /dev/null --write-out '%{http_code}' --cacert "$1" --data "$2" "$(receiver url rx1 alerts)") || status=$?
  echo "$status $answer"
}

came() { receiver received rx1 | jq --compact-output --slurp "$1"; }

certify() { cat "$RIG_STATE"/other.{key,crt} | receiver certify rx1; }

check 'a receiver starts' receiver start rx1
receiver ca rx1 >"$RIG_STATE/own.crt"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=other -keyout "$RIG_STATE/other.key" \
  -out "$RIG_STATE/other.crt" 2>/dev/null
check 'it takes a webhook' same "$(tell "$RIG_STATE/own.crt" '{"n":1}')" '0 200'
check 'another CA does not vouch for it' same "$(tell "$RIG_STATE/other.crt" '{"n":2}')" '60 000'
check 'it gets a certificate of that CA' certify
check 'which then does' same "$(tell "$RIG_STATE/other.crt" '{"n":3}')" '0 200'
check 'and it says so' same "$(receiver ca rx1)" "$(<"$RIG_STATE/other.crt")"
check 'certify wants a key' says 'no private key' receiver certify rx1 <"$RIG_STATE/other.crt"
check 'it can fail' receiver answer rx1 503
check 'and then does' same "$(tell "$RIG_STATE/other.crt" '{"n":4}')" '0 503'
check 'what came is told in order' same "$(came 'map([.body.n, .refused])')" '[[1,null],[3,null],[4,"as asked"]]'
check 'mail asks for STARTTLS' same "$(curl --silent --output /dev/null --write-out '%{exitcode}' --max-time 2 \
  "smtp://$(receiver mail rx1 | jq -r '"\(.host):\(.port)"')" --mail-from a@x --mail-rcpt b@y --upload-file "$RIG_STATE/own.crt")" 55
check 'and that is told' same "$(came 'last | [.kind, .refused]')" '["mail","no STARTTLS"]'
check 'block' receiver block rx1
check 'a blocked receiver does not answer' same "$(tell "$RIG_STATE/other.crt" '{}')" '28 000'
check 'unblock' receiver unblock rx1
check 'stop' receiver stop rx1
check 'it starts again' receiver start rx1
check 'with what came before' same "$(came length)" 4
check 'forget' receiver forget rx1
check 'and nothing is told' same "$(came length)" 0
check 'a status that is none is refused' says 'no HTTP status' receiver answer rx1 soon
check 'destroy' receiver destroy rx1
check 'a missing receiver is named' says "no receiver 'rx1'" receiver cidr rx1
check 'nothing is left on the machine' "$RIG_DIR/host/host.sh" leftovers

echo "1..$((passed + failed))"
echo "# $passed passed, $failed failed in $SECONDS s"
((failed == 0))
