#!/usr/bin/env bash
# Tests of the throw-away hosts, on real ones: prints TAP and counts; status 1 if anything failed. About one
# minute once the base systems are in the cache. Uses a state directory of its own; other hosts may run.
# shellcheck disable=SC2016 # scripts in single quotes run on the host
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"

if ! reason=$("$HERE/host.sh" supported); then
  echo "1..0 # SKIP $reason"
  exit 0
fi
RIG_STATE=$(mktemp -d "${TMPDIR:-/tmp}/host-test.XXXXXX")
export RIG_STATE
HOSTS=$RIG_STATE/hosts
passed=0 failed=0 skipped=0
alone=yes
[[ -z $(ls -A /run/healthcare-rig/hosts 2>/dev/null) ]] || alone=no
panic_before=$(</proc/sys/kernel/panic)

cleanup() {
  "$HERE/host.sh" destroy-all || true
  rm -rf --one-file-system "$RIG_STATE"
}
trap cleanup EXIT

host() { "$HERE/host.sh" "$@"; }
# on NAME SCRIPT: fails with the first command that fails. `no COMMAND` fails when the command succeeds.
on() { host exec "$1" -- sh -euc 'no() { if "$@"; then return 1; fi; }
'"$2"; }
refuses() { ! "$@"; }

# check TITLE COMMAND...: the command's output is shown only when it fails.
check() {
  local title=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok $((passed + failed + skipped)) - $title"
  else
    failed=$((failed + 1))
    echo "not ok $((passed + failed + skipped)) - $title"
    tail -n 20 <<<"$output" | sed 's/^/# /'
  fi
}

skip() { # skip TITLE REASON
  skipped=$((skipped + 1))
  echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"
}

both() { # both COMMAND...: with tt1 and tt2 appended, at the same time
  local first=0 second=0 job
  "$@" tt1 &
  job=$!
  "$@" tt2 || second=$?
  wait "$job" || first=$?
  ((first == 0 && second == 0))
}

create_one() {
  case $1 in
    tt1) host create tt1 --without-packages ;;
    tt2) host create tt2 --suite bookworm ;;
  esac
}

answers() { # answers ADDRESS: an SSH server greets on port 22 there
  local greeting
  exec {socket}<>"/dev/tcp/$1/22" && read -r -t 5 greeting <&"$socket" && [[ $greeting == SSH-2.0-* ]]
}

wrong_key() {
  local kept status=0
  host exec tt1 -- true || return 1
  kept=$(<"$HOSTS/tt1/known_hosts")
  echo "$(host ip tt1) $(cut -d ' ' -f 1,2 "$HOSTS/tt1/id_ed25519.pub")" >"$HOSTS/tt1/known_hosts"
  host exec tt1 -- true || status=$?
  echo "$kept" >"$HOSTS/tt1/known_hosts"
  ((status != 0))
}

differ() { # differ SCRIPT: both hosts print something, and not the same
  local first second
  first=$(on tt1 "$1") && second=$(on tt2 "$1") && [[ -n $first && -n $second && $first != "$second" ]]
}
same() { [[ $1 == "$2" ]]; }
prints_line() { grep -qx "$1" <<<"$(on "$2" "$3" 2>&1)"; }
grep_leftovers() { grep -q "$1" <<<"$(host leftovers)"; }

check 'two hosts are created at the same time' both create_one
check 'two hosts start at the same time' both host start
for name in tt1 tt2; do
  check "$name: no unit failed" prints_line running "$name" 'systemctl is-system-running --wait || systemctl --failed'
  check "$name: has its name" prints_line "$name" "$name" hostname
  check "$name: mounts an overlay" on "$name" 'cd $(mktemp -d); mkdir l u w m
    mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m; touch m/file; test -e u/file; umount m'
  check "$name: makes bridge, vxlan, veth and network namespace" on "$name" 'ip link add cni0 type bridge
    ip link add vx0 type vxlan id 1 dstport 8472 dev eth0; ip netns add pod
    ip link add veth0 type veth peer name eth0 netns pod; ip netns delete pod'
  check "$name: makes cgroups" on "$name" 'mkdir /sys/fs/cgroup/memory/pods || mkdir /sys/fs/cgroup/pods'
  check "$name: writes sysctls" on "$name" 'sysctl -qw kernel.panic=11 net.ipv4.ip_forward=1'
  check "$name: cannot set the clock" on "$name" 'no date -s 2020-01-01'
  check "$name: reaches nothing outside, and learns so at once" on "$name" \
    'status=0; timeout 2 bash -c ": >/dev/tcp/1.1.1.1/80" || status=$?; test $status -eq 1'
done
check 'a host reaches the other' on tt1 "timeout 5 bash -c ': </dev/tcp/$(host ip tt2)/22'"
check 'machine ids differ' differ 'cat /etc/machine-id'
check 'host keys differ' differ 'cat /etc/ssh/ssh_host_ed25519_key.pub'
check 'another host key than the pinned one is refused' wrong_key
check 'suites: Debian 13 and Debian 12' same "$(on tt1 'cut -d. -f1 /etc/debian_version') $(on tt2 'cut -d. -f1 /etc/debian_version')" '13 12'
check 'the host without packages lacks them' on tt1 'no command -v nft; no command -v curl'
for name in tt1 tt2; do
  check "$name: installs packages from its repository" on "$name" 'apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y ca-certificates chrony conntrack curl iptables nftables \
      openssl unattended-upgrades jq; nft list tables; curl --version; systemctl is-active unattended-upgrades'
  check "$name: nftables and iptables rules" on "$name" 'nft add table inet seeded; iptables -t nat -A POSTROUTING -j MASQUERADE'
done

before=$(cat "$HOSTS/tt1/boot_id") id=$(on tt1 'cat /etc/machine-id') # the rest makes no sense without hosts
on tt1 'echo kept >/root/file; systemctl reboot' || true
check 'reboot-wait sees the reboot' host reboot-wait tt1
check 'a reboot gives a new boot_id' refuses same "$before" "$(cat "$HOSTS/tt1/boot_id")"
check 'a reboot keeps files and identity' on tt1 "test \$(cat /root/file) = kept; test \$(cat /etc/machine-id) = $id"
check 'a reboot loses nftables rules, links and net sysctls' on tt1 \
  'test -z "$(nft list ruleset)"; no ip link show cni0; test $(sysctl -n net.ipv4.ip_forward) = 0'
check 'a reboot of one host does not touch the other' on tt2 'nft list table inet seeded; ip link show cni0'

on tt1 'systemd-run --quiet --unit=worker sleep 100000; echo cut >/root/file; sync'
check 'power cut' host powercut tt1
check 'after a power cut nothing of the host runs' refuses pgrep -x -f 'sleep 100000'
check 'a host that is off is listed so' same "$(host list | awk '$1 == "tt1" { print $3 }')" off
check 'it starts again' host start tt1
check 'starting a running host waits for SSH only' host start tt1
check 'what was synced is there, the process is not' on tt1 'test $(cat /root/file) = cut; no systemctl is-active worker'

check 'loopback forward' "$HERE/forward.sh" start tt1 127.0.80.99 22
check 'the forward reaches the host' answers 127.0.80.99
check 'starting it again is no error' "$HERE/forward.sh" start tt1 127.0.80.99 22
check 'the forward survives a stop of the host' host stop tt1
check 'the host starts after an orderly stop' host start tt1
check 'and is reached again' answers 127.0.80.99
check 'stop of the forward' "$HERE/forward.sh" stop tt1
check 'no forward, no answer' refuses answers 127.0.80.99

check 'a second create of a name is refused' refuses host create tt1
check 'leftovers names a running host' grep_leftovers 'process of tt1'
kill -KILL "$(cat "$HOSTS/tt1/supervisor.pid")"
check 'a dead supervisor leaves leftovers' grep_leftovers 'network namespace of tt1'
check 'the host can be destroyed without its supervisor' host destroy tt1
check 'nothing of it is left' refuses grep_leftovers tt1
rm "$HOSTS/tt2/complete"
check 'a half-made host is not started' refuses host start tt2
mkdir -p "$HOSTS/tt3/rootfs/etc"
check 'a half-made host can be destroyed' host destroy tt3
check 'destroying what does not exist is no error' host destroy tt3
ip netns add hc-tt3
check 'leftovers names a namespace nobody claims' grep_leftovers 'network namespace of tt3'
check 'and it can be destroyed' host destroy tt3
of_another() { echo "10.213.0.250 /another/checkout/.rig/hosts/tt3" >/run/healthcare-rig/hosts/tt3; }
of_another
check 'a host that another checkout stopped keeps its name' refuses host create tt3 --without-packages
ip netns add hc-tt3
check 'one that died with its checkout gives its name up' host create tt3 --without-packages
check 'and leaves no network' refuses test -e /run/netns/hc-tt3
host destroy tt3
of_another && ip netns add hc-tt3
cgroup=$(findmnt --raw --noheadings --types cgroup,cgroup2 --output TARGET | head -n 1)/healthcare-rig/tt3
mkdir -p "$cgroup"
sh -c "echo \$\$ >'$cgroup/cgroup.procs'; exec sleep 1000" &
until grep -q . "$cgroup/cgroup.procs"; do kill -0 $!; done
check 'one that runs keeps its name' refuses host create tt3 --without-packages
kill $!
wait $! || true
rm /run/healthcare-rig/hosts/tt3
host destroy tt3
check 'destroy-all' host destroy-all
check 'nothing is left on the machine' host leftovers
if [[ $alone == yes ]]; then
  check 'sysctls are as before' same "$(</proc/sys/kernel/panic)" "$panic_before"
else
  skip 'sysctls are as before' 'other hosts run on this machine'
fi

echo "1..$((passed + failed + skipped))"
echo "# $passed passed, $failed failed, $skipped skipped in $SECONDS s"
((failed == 0))
