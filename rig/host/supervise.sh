#!/usr/bin/env bash
# supervise.sh NAME: runs one host until it is switched off, and boots it again after each reboot.
# Started by `host.sh start`, detached; writes .rig/hosts/NAME/console.log.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Descriptors of the caller (a test runner's pipes, locks) must not stay open as long as the host runs.
for fd in "/proc/$$/fd"/*; do
  fd=${fd##*/}
  if ((fd > 2 && fd != 255)); then
    exec {fd}>&-
  fi
done
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=rig/host/machine.sh
. "$HERE/machine.sh"
# shellcheck source=rig/host/instance.sh
. "$HERE/instance.sh"

REBOOT=133 # exit status of systemd-nspawn when the host asked for a reboot
name=$1
directory=$(host_directory "$name")
echo $$ >"$directory/supervisor.pid"

# shellcheck disable=SC2317 # called by machine_locked
# As the kernel starts with its own values, so does a host, unless another one runs on this kernel.
fresh_sysctls() {
  local others
  others=$(cgroup_processes '')
  if [[ -z $others ]]; then
    restore_sysctls
  fi
}

# The filter admits what containerd, runc and keyrings need; swap calls stay refused. No clock: it is the machine's.
boot() {
  enter_cgroups "$name"
  exec env -i PATH="$PATH" systemd-nspawn --quiet --directory="$directory/rootfs" --machine="$name" --boot \
    --network-namespace-path="/run/netns/hc-$name" --keep-unit --register=no \
    --capability=all --drop-capability=CAP_SYS_TIME --system-call-filter='@keyring bpf perf_event_open' \
    --bind=/dev/kmsg --bind-ro="$(<"$directory/repository"):/opt/debian" \
    --resolv-conf=off --timezone=off --link-journal=no
}

while :; do
  log "host $name: boot"
  machine_locked fresh_sysctls
  host_network_up "$name" "$(<"$directory/ip")"
  status=0
  (boot) </dev/null &
  wait $! || status=$?
  log "host $name: systemd-nspawn ended with status $status"
  clear_host "$name"
  ((status == REBOOT)) || break
done
rm -f "$directory/supervisor.pid"
exit "$status"
