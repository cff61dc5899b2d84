# shellcheck shell=bash
# What the hosts need of this machine: tools, one bridge, cgroups, and sysctls given back at the end.
# Sourced by host.sh and supervise.sh after lib.sh.
# State held: /run/healthcare-rig (names and addresses in use) and the sysctls as found, both of this boot of the
# machine only. A second checkout on this machine shares them.

BRIDGE=hcbr0
SUBNET=10.213.0
RUN=/run/healthcare-rig
SYSCTLS_FOUND=/run/healthcare-rig.sysctls
NFT_TABLE=healthcare_rig

# Debian packages by the command that tells whether they are there.
declare -A TOOLS=([debootstrap]=debootstrap [systemd-nspawn]=systemd-container [nft]=nftables [ip]=iproute2
  [ssh]=openssh-client [socat]=socat [apt-ftparchive]=apt-utils [flock]=util-linux
  [jq]=jq [curl]=curl [xz]=xz-utils [openssl]=openssl [tcpdump]=tcpdump)

# Installs missing tools by apt-get. The lock: several creates may start at once on a fresh machine.
need_tools() {
  local tool missing=()
  for tool in "${!TOOLS[@]}"; do
    command -v "$tool" >/dev/null || missing+=("${TOOLS[$tool]}")
  done
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
  ((${#missing[@]} > 0)) || return 0
  log "installing on this machine: ${missing[*]}"
  {
    DEBIAN_FRONTEND=noninteractive flock "$RUN.apt-lock" apt-get -q -o DPkg::Lock::Timeout=600 update
    DEBIAN_FRONTEND=noninteractive flock "$RUN.apt-lock" apt-get -q -o DPkg::Lock::Timeout=600 install \
      --yes --no-install-recommends "${missing[@]}"
  } </dev/null >&2
}

# Sets MIRROR to the Debian archive of this machine's apt (RIG_DEBIAN_MIRROR overrides it), and exports the
# proxy that its apt uses.
use_mirror() {
  local proxy
  MIRROR=$(debian_mirror) || die "apt of this machine names no Debian mirror; set RIG_DEBIAN_MIRROR"
  proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
  if [[ -n $proxy ]]; then
    export http_proxy=$proxy
  fi
}

mirror_answers() {
  local scratch status=0
  debian_mirror >/dev/null || return 1
  use_mirror
  scratch=$(mktemp -d)
  /usr/lib/apt/apt-helper -o Acquire::Retries=1 download-file "${MIRROR%/}/dists/trixie/Release" "$scratch/Release" \
    >/dev/null 2>&1 || status=1
  rm -rf "$scratch"
  return "$status"
}

# Whether base systems and tools are there already, so that no mirror is needed.
have_all() {
  local tool
  for tool in "${!TOOLS[@]}"; do
    command -v "$tool" >/dev/null || return 1
  done
  [[ -n $(ls -A "$(rig_cache host-full)" 2>/dev/null) ]]
}

# Prints `yes`, or why this machine cannot run hosts; the status says the same.
supported() {
  local reason=''
  if [[ $(uname -s) != Linux || $EUID -ne 0 ]]; then
    reason='hosts need Linux and root'
  elif [[ ! -x /usr/lib/apt/apt-helper ]]; then
    reason='hosts are made by debootstrap and apt, which this machine does not have'
  elif ! unshare --net --mount --pid --fork mount -t tmpfs none /mnt 2>/dev/null; then
    reason='no network, mount or process namespace can be made here (a container without privileges?)'
  elif [[ -z $(cgroup_roots) || ! -w $(cgroup_roots | head -n 1) ]]; then
    reason='no writable cgroup hierarchy is mounted on /sys/fs/cgroup'
  elif ! have_all && ! mirror_answers; then
    reason="base systems or tools are missing and the Debian mirror of apt does not answer (RIG_DEBIAN_MIRROR sets another)"
  fi
  echo "${reason:-yes}"
  [[ -z $reason ]]
}

# machine_locked COMMAND...: nothing else changes names, addresses, bridge or sysctls meanwhile.
# The subshell ends with the lock; what it starts must not outlive it.
machine_locked() {
  (
    exec 9>"$RUN.lock"
    flock 9
    forget_last_boot
    "$@"
  )
}

# /run may be an ordinary directory, and then tells of hosts and sysctls that a restart of the machine ended.
forget_last_boot() {
  local now
  now=$(</proc/sys/kernel/random/boot_id)
  if [[ $(cat "$RUN.boot_id" 2>/dev/null) != "$now" ]]; then
    rm -rf "$RUN" "$SYSCTLS_FOUND"
    echo "$now" >"$RUN.boot_id"
  fi
}

# --- names and addresses: $RUN/hosts/NAME holds "ADDRESS DIRECTORY" ---

# Claims the name and prints its address; takes the wished one when it is free. The first claim on this
# machine notes the sysctls and makes the bridge. A name that another checkout died with is taken over.
claim() {
  local name=$1 directory=$2 wish=${3:-} address n owner
  mkdir -p "$RUN/hosts"
  forget_dead "$name" "$directory"
  if [[ -e $RUN/hosts/$name ]]; then
    read -r address owner <"$RUN/hosts/$name"
    [[ $owner == "$directory" ]] || die "host '$name' belongs to $owner; choose another name or destroy it there"
    machine_network_up
    echo "$address"
    return
  fi
  # Only before the very first host are they as the machine had them.
  if [[ -z $(ls -A "$RUN/hosts") ]]; then
    list_sysctls >"$SYSCTLS_FOUND"
  fi
  machine_network_up
  for n in ${wish##*.} {11..250}; do
    if ! grep -qs "^$SUBNET\.$n " "$RUN"/hosts/*; then
      echo "$SUBNET.$n $directory" >"$RUN/hosts/$name"
      echo "$SUBNET.$n"
      return
    fi
  done
  die "all addresses of $SUBNET.0/24 are in use; see $RUN/hosts"
}

# What another checkout left when all of its processes were killed from outside: a network without a process. One that
# was stopped in order, or is being made, has no network and stays its owner's; so does one that runs.
forget_dead() {
  local name=$1 directory=$2 owner
  read -r _ owner 2>/dev/null <"$RUN/hosts/$name" || return 0
  [[ $owner != "$directory" && -e /run/netns/hc-$name && -z $(cgroup_processes "$name") ]] || return 0
  log "host $name: taken over from $owner, of which nothing runs any more"
  clear_host "$name"
  rm "$RUN/hosts/$name"
}

# Gives the name back; after the last one bridge, sysctls and cgroups are as before. Without a claim or a
# bridge there is nothing to give back: sysctls that differ by now are the machine's own business.
release() {
  [[ -e $RUN/hosts/$1 || -e /sys/class/net/$BRIDGE ]] || return 0
  rm -f "$RUN/hosts/$1"
  [[ -z $(ls -A "$RUN/hosts" 2>/dev/null) ]] || return 0
  machine_network_down
  restore_sysctls
  remove_cgroups ''
  rm -rf "$RUN"
}

machine_network_up() {
  [[ ! -e /sys/class/net/$BRIDGE ]] || return 0
  ip link add "$BRIDGE" type bridge
  ip address add "$SUBNET.1/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  # Hosts have a default route, as a VPS has, but nothing leaves the bridge. An answer instead of silence
  # keeps a call to the Internet from waiting for its timeout; to give one the bridge has to forward.
  echo 1 >"/proc/sys/net/ipv4/conf/$BRIDGE/forwarding"
  nft -f - <<RULES
table inet $NFT_TABLE
delete table inet $NFT_TABLE
table inet $NFT_TABLE {
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname "$BRIDGE" oifname != "$BRIDGE" reject with icmpx type admin-prohibited
  }
}
RULES
}

machine_network_down() {
  ip link delete "$BRIDGE" 2>/dev/null || true
  nft delete table inet "$NFT_TABLE" 2>/dev/null || true
}

# --- sysctls that no namespace separates: kernel.*, vm.*, fs.* ---

# Prints "path<TAB>value" of each; without those that count or that the kernel adjusts by itself.
list_sysctls() {
  local file value
  while read -r file; do
    if value=$(tr '\t\n' '  ' <"$file" 2>/dev/null); then
      printf '%s\t%s\n' "$file" "$value"
    fi
  done < <(find /proc/sys/kernel /proc/sys/vm /proc/sys/fs -type f -perm -u=rw | grep -vE \
    '/(random/.*|ns_last_pid|hostname|domainname|cad_pid|tainted|sysrq|[a-z]*_next_id|hung_task_warnings|init_private.*|usermodehelper/.*|perf_(event_max_sample_rate|cpu_time_max_percent)|printk_.*|min_free_kbytes|binfmt_misc/.*)$' | sort)
}

# Prints "path<TAB>value as found<TAB>value now" of each that differs.
changed_sysctls() {
  [[ -s $SYSCTLS_FOUND ]] || return 0
  join -t $'\t' <(sort "$SYSCTLS_FOUND") <(list_sysctls | sort) | awk -F '\t' '$2 != $3'
}

restore_sysctls() {
  local file found now
  while IFS=$'\t' read -r file found now; do
    echo "$found" >"$file" || log "cannot set $file back from '$now' to '$found'; do it by hand"
  done < <(changed_sysctls)
}

# --- cgroups: each host has one per hierarchy, so that its processes can be told from all others ---

# Prints the mounted hierarchies: one with cgroup v2, several with v1.
cgroup_roots() {
  findmnt --raw --noheadings --types cgroup,cgroup2 --output TARGET || true
}

# Moves the calling process (the script's own, or a subshell's) into the cgroups of host NAME.
enter_cgroups() {
  local root group controller
  for root in $(cgroup_roots); do
    for group in "$root/healthcare-rig" "$root/healthcare-rig/$1"; do
      mkdir -p "$group"
      if [[ -e $group/cpuset.cpus && ! -e $root/cgroup.controllers ]]; then # v1: empty until set
        cat "$group/../cpuset.cpus" >"$group/cpuset.cpus"
        cat "$group/../cpuset.mems" >"$group/cpuset.mems"
      fi
      if [[ -e $root/cgroup.controllers ]]; then # v2: the parent says what its children can limit
        for controller in $(<"$root/cgroup.controllers"); do
          echo "+$controller" 2>/dev/null >"$(dirname "$group")/cgroup.subtree_control" || true
        done
      fi
    done
    echo "$BASHPID" >"$group/cgroup.procs"
  done
}

# Prints the process ids of host NAME, or of all hosts when NAME is empty.
cgroup_processes() {
  local root
  for root in $(cgroup_roots); do
    find "$root/healthcare-rig/${1:-}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

remove_cgroups() {
  local root
  for root in $(cgroup_roots); do
    find "$root/healthcare-rig/${1:-}" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
