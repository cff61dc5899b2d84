#!/usr/bin/env bash
# leftovers.sh: prints what hosts and services (rig/service.sh) of this checkout left on the machine, one line each;
# status 1 if there is anything. One that still exists counts, with all that belongs to it. What the machine holds for
# another checkout does not.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=rig/host/machine.sh
. "$HERE/machine.sh"
# shellcheck source=rig/host/instance.sh
. "$HERE/instance.sh"
SERVICES=$(dirname "$HOSTS")/services

# Names that hosts and services of another checkout have.
foreign() {
  { grep -Ls -e " $HOSTS/" -e " $SERVICES/" "$RUN"/hosts/* || true; } | xargs -r -n 1 basename
}

# Drops lines whose first word names another checkout's host; prints the rest after a label.
report() {
  local label=$1 name rest
  while read -r name rest; do
    if ! grep -qsx -- "$name" <<<"$others"; then
      echo "$label $name${rest:+ $rest}"
    fi
  done
}

find_all() {
  ls_all "$HOSTS" | report 'directory of host'
  ls_all "$SERVICES" | report 'directory of service'
  { grep -ls -e " $HOSTS/" -e " $SERVICES/" "$RUN"/hosts/* || true; } | xargs -r -n 1 basename | report 'claimed name'
  ls_all /run/netns | sed -n 's/^hc-//p' | report 'network namespace of'
  ls_all /sys/class/net | sed -n 's/^hcv-//p' | report 'network link of'
  findmnt --raw --noheadings --output TARGET | { grep -F "$HOSTS/" || true; } | sed "s|^$HOSTS/\([^/]*\)|\1|" | report 'mount of'
  ls_all /run/systemd/nspawn/propagate /run/systemd/nspawn/unix-export | report 'directory of systemd-nspawn'
  cgroups | report 'cgroup of'
  services | report 'process of'
  { pgrep -a -f "supervise.sh|socat -lp healthcare-rig-|systemd-nspawn .*--machine=" || true; } | processes | report 'process of'
}

# "name path" of what the directories hold; those that do not exist hold nothing.
ls_all() {
  find "$@" -mindepth 1 -maxdepth 1 -printf '%f %p\n' 2>/dev/null || true
}

cgroups() {
  local root
  for root in $(cgroup_roots); do
    find "$root/healthcare-rig" -mindepth 1 -maxdepth 1 -type d -printf '%f %p\n' 2>/dev/null || true
  done
}

# "service pid" of what runs in the cgroups of services, whose names alone have a _.
services() {
  local name pid
  while read -r name _; do
    for pid in $(cgroup_processes "$name"); do echo "$name $pid"; done
  done < <(cgroups | grep -E '^[a-z0-9]+_' | sort -u -k 1,1)
}

# "pid command line" to "host pid command".
processes() {
  sed -nE 's/^([0-9]+) .*supervise\.sh ([a-z0-9-]+)$/\2 \1 supervise.sh/p
    s/^([0-9]+) .*socat -lp healthcare-rig-([a-z0-9-]+) .*/\2 \1 socat/p
    s/^([0-9]+) .*--machine=([a-z0-9-]+) .*healthcare|^([0-9]+) .*--machine=([a-z0-9-]+) .*hc-.*/\2\4 \1\3 systemd-nspawn/p'
}

# What all hosts share goes with the last of them.
find_shared() {
  local root
  [[ ! -e /sys/class/net/$BRIDGE ]] || echo "bridge $BRIDGE"
  if command -v nft >/dev/null && nft list table inet "$NFT_TABLE" >/dev/null 2>&1; then
    echo "nftables table inet $NFT_TABLE"
  fi
  for root in $(cgroup_roots); do
    [[ ! -e $root/healthcare-rig ]] || echo "cgroup $root/healthcare-rig"
  done
  changed_sysctls | awk -F '\t' '{ print "sysctl " $1 ": was " $2 "is " $3 }'
}

machine_locked true # forgets claims from before a restart of the machine
others=$(foreign)
found=$(
  find_all
  [[ -n $others ]] || find_shared
)
if [[ -n $found ]]; then
  printf '%s\n' "$found"
  exit 1
fi
