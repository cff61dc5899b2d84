# Looks at everything and changes nothing. Each problem names the setting that it belongs to.

nearest() { # the closest existing ancestor of a path
  local path=$1
  until [ -e "$path" ]; do path=$(dirname "$path"); done
  printf '%s\n' "$path"
}

ours() { grep -qsx "# Managed by stack prefix $PREFIX" /etc/systemd/system/k3s.service; }

check_system() {
  local os arch
  os=$(. /etc/os-release && printf '%s %s' "${ID:-?}" "${VERSION_ID:-?}")
  case $os in
    'debian 12' | 'debian 13' | 'ubuntu 24.04') ;;
    *) problem "host.address: the host runs \"$os\"; supported are Debian 12, Debian 13 and Ubuntu 24.04: reinstall it from the provider's panel" ;;
  esac
  arch=$(uname -m)
  case $arch in
    x86_64 | aarch64) ;;
    *) problem "cluster.architecture: the host is $arch; k3s is pinned for amd64 and arm64 only" ;;
  esac
  [ "$(id -u)" = 0 ] || problem "host.user: scripts run as $(id -un), not as root; allow passwordless sudo"
  [ -d /run/systemd/system ] || problem "host.address: systemd does not run there; the host must be a real or virtual machine"
  case $(cat /etc/machine-id 2>/dev/null || true) in
    '' | uninitialized) problem "host.address: /etc/machine-id is empty; run systemd-machine-id-setup on the host, it must be unique per machine" ;;
  esac
}

check_size() {
  local cpus memory disk free
  cpus=$(nproc)
  [ "$cpus" -ge "$MIN_CPUS" ] || problem "vps.cpus: declared $MIN_CPUS, the host has $cpus; correct the setting or take a bigger plan"
  [ "$cpus" -ge 2 ] || problem "vps.cpus: the host has $cpus, k3s needs 2 or more"
  # A provider's 8 GB shows as 7.7 GiB or less to the system, hence the tolerance.
  memory=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 1024))
  [ "$memory" -ge "$((MIN_MEMORY_MIB * 88 / 100))" ] || problem "vps.memoryMiB: declared $MIN_MEMORY_MIB, the host has $memory; correct the setting or take a bigger plan"
  [ "$memory" -ge 1800 ] || problem "vps.memoryMiB: the host has $memory, k3s with etcd needs 1800 or more"
  read -r disk free < <(df -m --output=size,avail "$(nearest /var/lib/rancher)" | tail -n 1)
  [ "$disk" -ge "$((MIN_DISK_GIB * 1024 * 85 / 100))" ] || problem "vps.diskGiB: declared $MIN_DISK_GIB, the filesystem of /var/lib has $((disk / 1024)) GiB; correct the setting or grow the disk"
  [ "$free" -ge 4096 ] || problem "vps.diskGiB: $free MiB are free below /var/lib, 4096 are needed; make room"
}

check_filesystems() {
  local path options
  for path in /etc /usr/local/bin /var/lib/rancher /run/lock "$DATA_DIRECTORY"; do
    options=",$(findmnt -no OPTIONS -T "$(nearest "$path")" | tail -n 1),"
    case $options in *,ro,*) problem "host.address: $path is on a read-only filesystem; remount it" ;; esac
  done
  for path in /usr/local/bin /var/lib/rancher; do
    options=",$(findmnt -no OPTIONS -T "$(nearest "$path")" | tail -n 1),"
    case $options in *,noexec,*) problem "host.address: $path is mounted noexec, and k3s runs programs from there; remount it" ;; esac
  done
  [ ! -L "$DATA_DIRECTORY" ] || problem "host.dataDirectory: $DATA_DIRECTORY is a symbolic link; name the real directory"
  case $(findmnt -no FSTYPE -T "$(nearest "$DATA_DIRECTORY")" | tail -n 1) in
    tmpfs | ramfs) problem "host.dataDirectory: $DATA_DIRECTORY is in memory; volumes would not survive a reboot" ;;
  esac
}

# A feature counts when its effect is there or its module can be loaded; modules may be built in and unknown to modprobe.
can_have() { # EFFECT MODULE
  [ -e "$1" ] || [ -e "/sys/module/$2" ] || modprobe -n -q "$2" 2>/dev/null
}

check_kernel() {
  local cgroup module
  cgroup=$(stat -fc %T /sys/fs/cgroup)
  if [ "$cgroup" != cgroup2fs ] && [ "$CGROUP_V1" = refuse ]; then
    problem "host.cgroupV1: /sys/fs/cgroup is $cgroup, and the kubelet wants cgroup v2; boot with systemd.unified_cgroup_hierarchy=1, or set it to accept"
  fi
  for module in "${MODULES[@]}"; do
    case $module in
      overlay) grep -qw overlay /proc/filesystems || can_have /nonexistent overlay || problem "host.address: the kernel has no overlay filesystem; install the distribution's full kernel" ;;
      br_netfilter) can_have /proc/sys/net/bridge/bridge-nf-call-iptables br_netfilter || problem "host.address: the kernel has no br_netfilter; install the distribution's full kernel" ;;
      *) can_have /nonexistent "$module" || problem "cluster.flannelBackend: the kernel has no $module; install the distribution's full kernel or choose another backend" ;;
    esac
  done
}

check_ports() {
  local port ports='80 443'
  # With our own unit in place, the ports of Kubernetes are ours; the others must be free of plain listeners in any case.
  ours || ports="6443 10250 2379 2380 $ports"
  command -v ss >/dev/null || { problem "host.address: the command ss is missing; apt-get install iproute2"; return 0; }
  for port in $ports; do
    [ -z "$(ss -Hltn "sport = :$port")" ] || problem "host.address: port $port is in use by $(ss -Hltnp "sport = :$port" | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | head -n 1); stop that program, the platform needs the port"
  done
}

check_rivals() {
  local unit
  if grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; then problem "host.address: ufw is on and breaks pod traffic; run: ufw disable"; fi
  for unit in firewalld nm-cloud-setup.service nm-cloud-setup.timer; do
    case $(systemctl is-active "$unit" 2>/dev/null || true) in
      active | activating) problem "host.address: $unit is running and breaks pod traffic; run: systemctl disable --now $unit" ;;
    esac
  done
  if [ -e /etc/systemd/system/k3s.service ] && ! ours; then
    problem "prefix: the host has a k3s that prefix \"$PREFIX\" did not install; set the prefix that did, or uninstall it"
  fi
  [ ! -e /etc/systemd/system/k3s-agent.service ] || problem "host.address: the host is a k3s agent of another cluster; uninstall it"
  if [ -e /var/lib/rancher/k3s/server/db ] && [ ! -d "$STATE_DIR" ]; then
    problem "prefix: /var/lib/rancher/k3s holds a cluster that prefix \"$PREFIX\" did not make; set the prefix that did, or move that directory away"
  fi
}

check_clock() {
  [ "$(date +%Y)" -ge 2025 ] || problem "host.timeSync: the clock says $(date -u +%F); set the time, certificates would be refused"
}
