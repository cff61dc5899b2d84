#!/usr/bin/env bash
# Throw-away hosts: a Debian booted by systemd-nspawn that a program over SSH cannot tell from a small VPS.
#   host.sh supported                      `yes`, or why this machine cannot run hosts (status 1)
#   host.sh tools                          install the Debian packages that the rig's scripts use, when missing
#   host.sh create NAME [--suite trixie|bookworm] [--without-packages]
#   host.sh start NAME                     boot unless it runs, wait for SSH
#   host.sh reboot-wait NAME               wait for SSH with another boot_id than last seen
#   host.sh powercut NAME                  SIGKILL to everything in it; `start` boots it again
#   host.sh stop NAME                      orderly shutdown
#   host.sh destroy NAME | destroy-all     remove everything, also of half-made hosts
#   host.sh ip NAME | hostkey NAME | list | exec NAME -- COMMAND... | shell NAME
#   host.sh capture NAME SECONDS FILE      every packet on every interface, the pods' wires included, as tcpdump writes it
#   host.sh leftovers                      print what is left of hosts on this machine (status 1 if anything)
# NAME has up to 8 characters. Files of a host: see instance.sh. Waits end after RIG_START_SECONDS (240).
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=rig/host/machine.sh
. "$HERE/machine.sh"
# shellcheck source=rig/host/instance.sh
. "$HERE/instance.sh"

create() {
  local name=$1 suite=trixie size=full directory rootfs repository
  shift
  while (($# > 0)); do
    case $1 in
      --suite) suite=${2:-} && shift 2 ;;
      --without-packages) size=minimal && shift ;;
      *) die "create: unknown option '$1'" ;;
    esac
  done
  directory=$(host_directory "$name")
  [[ ! -e $directory/complete ]] || die "host '$name' exists; use start, or destroy it first"
  [[ ! -e $directory ]] || destroy "$name" # what an interrupted create left
  need_tools
  rootfs=$("$HERE/base.sh" rootfs "$suite" "$size")
  repository=$("$HERE/base.sh" repository "$suite")
  mkdir -p "$directory"
  machine_locked claim "$name" "$directory" >"$directory/ip"
  echo "$repository" >"$directory/repository"
  cp -a --reflink=auto "$rootfs" "$directory/rootfs"
  personalize "$name" "$directory"
  touch "$directory/complete"
  log "host $name: created ($suite, $size) at $(<"$directory/ip")"
}

# Its name and its keys: what cloud-init does on a VPS.
personalize() {
  local name=$1 directory=$2
  local etc=$directory/rootfs/etc
  echo "$name" >"$etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' "$name" >"$etc/hosts"
  ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$etc/ssh/ssh_host_ed25519_key"
  cut -d ' ' -f 1,2 "$etc/ssh/ssh_host_ed25519_key.pub" >"$directory/hostkey.pub"
  echo "$(<"$directory/ip") $(<"$directory/hostkey.pub")" >"$directory/known_hosts"
  ssh-keygen -q -t ed25519 -N '' -C "operator of $name" -f "$directory/id_ed25519"
  install -d -m 0700 "$directory/rootfs/root/.ssh"
  install -m 0600 "$directory/id_ed25519.pub" "$directory/rootfs/root/.ssh/authorized_keys"
}

existing() {
  local directory
  directory=$(host_directory "$1")
  [[ -e $directory/complete ]] || die "no host '$1' in $HOSTS; create it first"
  echo "$directory"
}

start() {
  local name=$1 directory
  directory=$(existing "$name")
  if supervisor_of "$name" >/dev/null; then
    wait_ssh "$name" ''
    return
  fi
  need_tools
  kill_host "$name" # what a crash left of its last run
  machine_locked claim "$name" "$directory" "$(<"$directory/ip")" >"$directory/ip.new"
  cmp -s "$directory/ip" "$directory/ip.new" || die "address $(<"$directory/ip") of host '$name' is taken; destroy and create it"
  rm "$directory/ip.new"
  setsid --fork "$HERE/supervise.sh" "$name" </dev/null >>"$directory/console.log" 2>&1
  await_supervisor "$name"
  wait_ssh "$name" ''
}

await_supervisor() {
  local deadline=$((SECONDS + 10))
  until supervisor_of "$1" >/dev/null; do
    ((SECONDS < deadline)) || die "host '$1' was not started$(last_words "$1")"
    sleep 0.05
  done
}

stop() {
  local name=$1 deadline=$((SECONDS + START_SECONDS))
  existing "$name" >/dev/null
  if supervisor_of "$name" >/dev/null; then
    host_ssh "$name" systemctl poweroff </dev/null || true # the link may be cut before the answer
  fi
  while supervisor_of "$name" >/dev/null; do
    ((SECONDS < deadline)) || die "host '$name' did not shut down in $START_SECONDS s; use powercut$(last_words "$name")"
    sleep 0.1
  done
}

# Also without a directory: processes, links and namespaces are found by the name.
destroy() {
  local name=$1 directory
  directory=$(host_directory "$name")
  machine_locked true # forgets claims from before a restart of the machine
  if [[ ! -e $RUN/hosts/$name ]] || grep -q " $directory\$" "$RUN/hosts/$name"; then
    "$HERE/forward.sh" stop "$name"
    kill_host "$name"
    machine_locked release "$name"
  fi
  # Never across a mount that could not be removed: it may be the machine's own.
  rm -rf --one-file-system "$directory"
  rmdir --ignore-fail-on-non-empty "$HOSTS" 2>/dev/null || true
}

# Of this checkout, also half-made ones, and what nobody claims.
names() {
  {
    find "$HOSTS" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null || true
    { grep -ls " $HOSTS/" "$RUN"/hosts/* || true; } | xargs -r -n 1 basename
    { find /run/netns -name 'hc-*' -printf '%f\n' 2>/dev/null || true; } | sed 's/^hc-//' | while read -r name; do
      [[ -e $RUN/hosts/$name ]] || echo "$name"
    done
  } | sort -u
}

destroy_all() {
  local name
  for name in $(names); do
    destroy "$name"
  done
}

# capture NAME SECONDS FILE: prints how many packets came, and how many the kernel dropped.
capture() {
  local name=$1 seconds=${2:-} file=${3:-} status=0
  existing "$name" >/dev/null
  [[ $seconds =~ ^[1-9][0-9]*$ && -n $file ]] || die "usage: host.sh capture NAME SECONDS FILE"
  need_tools
  # Buffer in KiB. Without -Z tcpdump would write as a user of its own, who may not write everywhere.
  ip netns exec "hc-$name" timeout --signal=INT "$seconds" \
    tcpdump -i any -n -s 0 -B 65536 -Z root -w "$file" 2>&1 || status=$?
  ((status == 124)) || die "tcpdump ended with $status before the time"
}

list() {
  local name
  for name in $(names); do
    printf '%s %s %s\n' "$name" "$(cat "$HOSTS/$name/ip" 2>/dev/null || echo -)" \
      "$(if supervisor_of "$name" >/dev/null; then echo running; else echo off; fi)"
  done
}

main() {
  local command=${1:-} name=${2:-}
  shift $(($# > 2 ? 2 : $#))
  case $command in
    supported) supported ;;
    tools) need_tools ;;
    list) list ;;
    capture) capture "$name" "$@" ;;
    destroy-all) destroy_all ;;
    leftovers) "$HERE/leftovers.sh" ;;
    create) create "$name" "$@" ;;
    start) start "$name" ;;
    stop) stop "$name" ;;
    destroy) destroy "$name" ;;
    powercut) existing "$name" >/dev/null && kill_host "$name" ;;
    reboot-wait) wait_ssh "$name" "$(cat "$(existing "$name")/boot_id")" ;;
    ip) cat "$(existing "$name")/ip" ;;
    hostkey) cat "$(existing "$name")/hostkey.pub" ;;
    shell)
      existing "$name" >/dev/null
      host_ssh "$name"
      ;;
    exec)
      existing "$name" >/dev/null
      [[ ${1:-} == -- && $# -gt 1 ]] || die "usage: host.sh exec NAME -- COMMAND..."
      shift
      host_ssh "$name" "$(printf '%q ' "$@")"
      ;;
    *) die "unknown command '$command'; see the head of $0" ;;
  esac
}

main "$@"
