#!/usr/bin/env bash
# Who gets a platform's alerts: webhooks by HTTPS and mail by SMTP, outside of the cluster, at an address on the hosts' bridge.
#   receiver.sh start NAME              makes it when missing, starts it, waits until it answers
#   receiver.sh stop NAME               ends it; address and what came stay
#   receiver.sh destroy NAME | destroy-all | list
#   receiver.sh certify NAME            from now on with a certificate of the CA on stdin (certificate and key, PEM)
#   receiver.sh block NAME | unblock NAME   drops every packet to and from it
#   receiver.sh answer NAME STATUS      what webhooks get in place of 200; `answer NAME 200` ends that
#   receiver.sh url NAME WHAT           a webhook's address, with a token in it: a secret. WHAT is what `received` calls it
#   receiver.sh mail NAME               JSON {host, port, username, password}; it asks for STARTTLS and the login
#   receiver.sh cidr NAME | ca NAME
#   receiver.sh received NAME           one line of JSON for each thing that came, refused ones too: go/receiver says which
#   receiver.sh forget NAME             empties that
# NAME has up to 8 characters. State held: .rig/services/rx_NAME.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=rig/service.sh
. "$RIG_DIR/service.sh"

WEB=8443
MAIL=587

build_receiver() {
  (cd "$RIG_DIR/go/receiver" && CGO_ENABLED=0 nice -n 5 go build -trimpath -ldflags "-s -w" -o "$1/receiver" .)
}

make() {
  local directory=$SERVICES/$1
  make_authority "$directory"
  make_certificate "$directory" "$(<"$directory/ip")"
  { openssl rand -hex 16 && openssl rand -hex 16; } | jq --raw-input --null-input '[inputs] as [$token, $password] |
    { token: $token, username: "alerts", password: $password }' >"$directory/receiver.json"
  touch "$directory/complete"
}

start() {
  local id=$1 directory=$SERVICES/$1 built deadline=$((SECONDS + 20))
  built=$(build_once receiver "$(input_key "$RIG_DIR/go/receiver" "text:$(declare -f build_receiver)")" build_receiver)
  service_claim "$id"
  [[ -e $directory/complete ]] || make "$id"
  if ! service_runs "$id"; then
    service_run "$id" env -i GOMEMLIMIT=30MiB "$built/receiver" "$directory" ":$WEB" ":$MAIL"
  fi
  until (exec 3<>"/dev/tcp/$(<"$directory/ip")/$MAIL") 2>/dev/null; do
    if ((SECONDS >= deadline)) || ! service_runs "$id"; then
      die "the receiver did not start: $(tail -n 5 "$directory/log")"
    fi
    sleep 0.05
  done
  log "$id: ready at $(<"$directory/ip")"
}

# certify ID: the next connection gets the new certificate. Our own CA is forgotten.
certify() {
  local directory=$SERVICES/$1 scratch=$SERVICES/$1/certify
  rm -rf "$scratch"
  install -d -m 0700 "$scratch"
  cat >"$scratch/all"
  openssl x509 -in "$scratch/all" -out "$scratch/ca.crt" 2>/dev/null || die "certify: no certificate on stdin"
  openssl pkey -in "$scratch/all" -out "$scratch/ca.key" 2>/dev/null || die "certify: no private key on stdin"
  make_certificate "$scratch" "$(<"$directory/ip")" || die "certify: key and certificate on stdin make no certificate"
  rm "$scratch"/{all,ca.key} "$directory/ca.key" 2>/dev/null || true
  mv "$scratch"/{ca.crt,private.key,public.crt} "$directory/"
  rmdir "$scratch"
}

answer() {
  [[ ${2:-} =~ ^[2-5][0-9][0-9]$ ]] || die "answer: '${2:-}' is no HTTP status"
  echo "$2" >"$SERVICES/$1/answer"
}

url() {
  [[ ${2:-} =~ ^[a-z-]+$ ]] || die "url: of what? write a word such as alerts, it was '${2:-}'"
  echo "https://$(<"$SERVICES/$1/ip"):$WEB/$(jq --raw-output .token "$SERVICES/$1/receiver.json")/$2"
}

mail() {
  jq --compact-output --arg host "$(<"$SERVICES/$1/ip")" --argjson port "$MAIL" '{ host: $host, port: $port, username, password }' \
    "$SERVICES/$1/receiver.json"
}

list() {
  local id
  for id in $(service_ids rx); do
    printf '%s %s %s\n' "${id#rx_}" "$(cat "$SERVICES/$id/ip" 2>/dev/null || echo -)" "$(if service_runs "$id"; then echo running; else echo off; fi)"
  done
}

main() {
  local command=${1:-} id=''
  case $command in
    list | destroy-all) (($# == 1)) || die "$command takes nothing more" ;;
    start | stop | destroy | certify | block | unblock | answer | url | mail | cidr | ca | received | forget)
      id=$(service_id rx "${2:-}")
      shift 2
      ;;
    *) die "unknown command '$command'; see the head of $0" ;;
  esac
  case $command in
    start | destroy | list | destroy-all) ;;
    *) [[ -e $SERVICES/$id/complete ]] || die "no receiver '${id#rx_}' in $SERVICES; start it first" ;;
  esac
  case $command in
    start) start "$id" ;;
    stop) service_end "$id" 5 ;;
    destroy) service_remove "$id" ;;
    destroy-all) for id in $(service_ids rx); do service_remove "$id"; done ;;
    list) list ;;
    certify) certify "$id" ;;
    block) service_block "$id" ;;
    unblock) service_unblock "$id" ;;
    answer) answer "$id" "$@" ;;
    url) url "$id" "$@" ;;
    mail) mail "$id" ;;
    cidr) echo "$(<"$SERVICES/$id/ip")/32" ;;
    ca) cat "$SERVICES/$id/ca.crt" ;;
    received) cat "$SERVICES/$id/received.jsonl" 2>/dev/null || true ;;
    forget) rm -f "$SERVICES/$id/received.jsonl" ;;
  esac
}

main "$@"
