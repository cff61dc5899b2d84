# shellcheck shell=bash
# One host: its files, its network, its processes. Sourced by host.sh and supervise.sh after machine.sh.
# State held, in .rig/hosts/NAME (RIG_STATE moves .rig): rootfs/, id_ed25519, hostkey.pub, known_hosts, ip,
# repository (path of its packages), netns (link), boot_id (as last seen), console.log, supervisor.pid,
# forward/ (of forward.sh), and `complete` once created.

HOSTS=$(realpath -m "${RIG_STATE:-$REPO_DIR/.rig}")/hosts
# A reboot with running pods takes 90 s: systemd waits that long for containers that ignore SIGTERM.
START_SECONDS=${RIG_START_SECONDS:-240}

host_directory() {
  [[ $1 =~ ^[a-z][a-z0-9-]{0,7}$ ]] || die "host name '$1': use 1 to 8 of a-z, 0-9 and -, a letter first"
  echo "$HOSTS/$1"
}

# --- network: made anew for each boot, because a reboot loses rules, links, routes and net.* sysctls ---

host_network_up() {
  local name=$1 address=$2
  local space=hc-$name
  host_network_down "$name"
  ip netns add "$space"
  # The hardware address follows the address, so no neighbour keeps a stale entry over a reboot.
  ip link add "hcv-$name" type veth peer name eth0 address "$(printf '02:d5:00:00:00:%02x' "${address##*.}")" netns "$space"
  ip link set "hcv-$name" master "$BRIDGE" up
  ip -n "$space" link set lo up
  ip -n "$space" address add "$address/24" broadcast + dev eth0
  ip -n "$space" link set eth0 up
  ip -n "$space" route add default via "$SUBNET.1"
  # A new namespace copies the machine's values, which may forward already; a fresh VPS does not.
  ip netns exec "$space" sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
  ln -sfn "/run/netns/$space" "$HOSTS/$name/netns"
}

host_network_down() {
  ip link delete "hcv-$1" 2>/dev/null || true
  if [[ -e /run/netns/hc-$1 ]]; then
    ip netns delete "hc-$1"
  fi
}

# --- processes ---

# Prints the supervisor's process id when it runs. The file may be older than the machine's last start.
supervisor_of() {
  local pid
  pid=$(cat "$HOSTS/$1/supervisor.pid" 2>/dev/null) || return 1
  grep -qsz "supervise.sh" "/proc/$pid/cmdline" && grep -qszx "$1" "/proc/$pid/cmdline" && echo "$pid"
}

# Ends all processes of the host at once, as a power cut does, and what they leave on this machine.
kill_host() {
  local name=$1 supervisor pids deadline=$((SECONDS + 30))
  if supervisor=$(supervisor_of "$name"); then
    kill -KILL "$supervisor" 2>/dev/null || true
  fi
  while pids=$(cgroup_processes "$name") && [[ -n $pids ]]; do
    ((SECONDS < deadline)) || die "processes of host '$name' do not end: $(xargs <<<"$pids")"
    # shellcheck disable=SC2086 # one word per process
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  rm -f "$HOSTS/$name/supervisor.pid"
  clear_host "$name"
}

# After the last process: network, cgroups, and what a killed systemd-nspawn leaves.
clear_host() {
  local target
  host_network_down "$1"
  remove_cgroups "$1"
  for target in $(host_mounts "$1"); do
    umount --lazy "$target"
  done
  rm -rf --one-file-system "/run/systemd/nspawn/propagate/$1" "/run/systemd/nspawn/unix-export/$1"
}

# Mounts on this machine that belong to the host, innermost first.
host_mounts() {
  findmnt --raw --noheadings --output TARGET |
    grep -E "^($HOSTS/$1|/run/systemd/nspawn/[a-z-]+/$1)(/|\$)" | tac || true
}

# --- ssh ---

# host_ssh NAME [COMMAND...]: as root, the host key pinned; options of this machine's user play no part.
host_ssh() {
  local directory=$HOSTS/$1
  shift
  ssh -F /dev/null -i "$directory/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
    -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$directory/known_hosts" -o ConnectTimeout=2 \
    "root@$(<"$directory/ip")" "$@"
}

# Waits until SSH answers with another boot_id than BEFORE (any when empty), and notes it.
wait_ssh() {
  local name=$1 before=$2 seen began=$SECONDS deadline=$((SECONDS + START_SECONDS))
  until seen=$(host_ssh "$name" cat /proc/sys/kernel/random/boot_id </dev/null 2>"$HOSTS/$name/ssh.log") &&
    [[ -n $seen && $seen != "$before" ]]; do
    supervisor_of "$name" >/dev/null || die "host '$name' is off$(last_words "$name")"
    ((SECONDS < deadline)) ||
      die "host '$name' gave no new boot over SSH in $START_SECONDS s (RIG_START_SECONDS)$(last_words "$name")"
    sleep 0.2
  done
  echo "$seen" >"$HOSTS/$name/boot_id"
  log "host $name: SSH answers on $(<"$HOSTS/$name/ip") after $((SECONDS - began)) s"
}

last_words() {
  printf '; last lines of %s:\n' "$HOSTS/$1/console.log"
  tail -n 15 "$HOSTS/$1/console.log" "$HOSTS/$1/ssh.log" 2>/dev/null || true
}
