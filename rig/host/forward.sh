#!/usr/bin/env bash
# Makes a host's ports reachable on a loopback address of this machine, until stopped.
#   forward.sh start NAME ADDRESS PORT...   e.g. 127.0.80.1 80 443; same port on both sides
#   forward.sh stop NAME
# State held: .rig/hosts/NAME/forward/ADDRESS:PORT, each with the process id of its socat.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=rig/host/machine.sh
. "$HERE/machine.sh"
# shellcheck source=rig/host/instance.sh
. "$HERE/instance.sh"

start() {
  local name=$1 address=$2 port target
  shift 2
  [[ $address =~ ^127\.[0-9.]+$ ]] || die "address '$address' is not on the loopback; use one like 127.0.80.1"
  (($# > 0)) || die "usage: forward.sh start NAME ADDRESS PORT..."
  target=$(cat "$(host_directory "$name")/ip") || die "no host '$name' in $HOSTS; create it first"
  need_tools
  stop "$name"
  mkdir -p "$HOSTS/$name/forward"
  for port in "$@"; do
    forward "$HOSTS/$name/forward/$address:$port" "$address" "$port" "$target" "healthcare-rig-$name"
  done
}

# One listener. -lp puts its owner on the command line, by which leftovers.sh finds it.
forward() {
  local file=$1 address=$2 port=$3 target=$4 owner=$5 pid deadline=$((SECONDS + 5))
  setsid socat -lp "$owner" "TCP-LISTEN:$port,bind=$address,fork,reuseaddr,backlog=128" \
    "TCP:$target:$port,connect-timeout=5" </dev/null >"$file.log" 2>&1 &
  pid=$!
  echo "$pid" >"$file"
  until [[ -n $(ss --no-header --listening --tcp --numeric "src = $address and sport = :$port") ]]; do
    kill -0 "$pid" 2>/dev/null || die "cannot listen on $address:$port: $(tail -n 1 "$file.log")"
    ((SECONDS < deadline)) || die "no listener on $address:$port after 5 s"
    sleep 0.05
  done
}

# The listener and the connections it forked, which share its session.
stop() {
  local file pid
  for file in "$HOSTS/$1"/forward/*:*[0-9]; do
    pid=$(cat "$file" 2>/dev/null) || continue
    if grep -qsz "healthcare-rig-$1" "/proc/$pid/cmdline"; then
      pkill -KILL -s "$pid" || true
    fi
  done
  rm -rf "${HOSTS:?}/$1/forward"
}

command=${1:-} name=${2:-}
shift $(($# > 2 ? 2 : $#))
host_directory "$name" >/dev/null
case $command in
  start) start "$name" "$@" ;;
  stop) stop "$name" ;;
  *) die "unknown command '$command'; see the head of $0" ;;
esac
