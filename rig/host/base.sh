#!/usr/bin/env bash
# Builds what hosts are made of and prints its directory:
#   base.sh rootfs SUITE full|minimal   a Debian that systemd-nspawn can boot; minimal lacks the `full` packages
#   base.sh repository SUITE            a directory of .debs with an index: the hosts' only package source
# SUITE is trixie or bookworm. All come from the Debian mirror that this machine's apt uses, and are kept in
# the rig's cache until this script or its inputs change.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=rig/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=rig/host/machine.sh
. "$HERE/machine.sh"

# What the smallest VPS image has; the rest arrives by the product's own package phase.
MINIMAL=systemd,systemd-sysv,libpam-systemd,dbus,openssh-server,iproute2,procps,sudo,netbase,tzdata,kmod

packages() { # packages [full]: names in packages.txt, all or the marked ones
  awk -v only="${1:-}" '!/^#/ && NF && (only == "" || $2 == only) { print $1 }' "$HERE/packages.txt"
}

# in_root ROOT COMMAND...: in a mount and process namespace of its own, so nothing stays mounted or running.
# shellcheck disable=SC2016 # expanded by the inner shell
in_root() {
  unshare --mount --pid --fork --kill-child sh -euc '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    if [ -n "$REPOSITORY" ]; then mount --bind "$REPOSITORY" "$root/opt/debian"; fi
    exec chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"' sh "$@"
}
export REPOSITORY=

# Base files, and units that mean nothing in a container. Removes what differs per host or only takes space.
finish_root() {
  local root=$1
  cp -rT --remove-destination --no-preserve=mode "$HERE/rootfs" "$root"
  chmod 755 "$root/usr/local/sbin/remount-kernel-trees"
  mkdir -p "$root/opt/debian"
  rm -f "$root/etc/apt/sources.list" "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/usr/sbin/policy-rc.d"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/{doc,man,info,locale}/* \
    "$root"/var/log/*.log "$root"/var/log/{apt,journal}/* "$root"/usr/lib/udev/hwdb.*
  : >"$root/etc/machine-id" # empty: each host gets its own at its first boot, unless D-Bus holds one
  ln -sf /etc/machine-id "$root/var/lib/dbus/machine-id"
  # These defaults write kernel.sysrq and its like, which belong to the whole machine.
  mkdir -p "$root/etc/sysctl.d"
  ln -sf /dev/null "$root/etc/sysctl.d/50-default.conf"
  ln -sf /dev/null "$root/etc/sysctl.d/50-pid-max.conf"
  systemctl --root="$root" --quiet enable remount-kernel-trees.service ssh.service
  systemctl --root="$root" --quiet set-default multi-user.target
  systemctl --root="$root" --quiet mask console-getty.service getty.target apt-daily.timer apt-daily-upgrade.timer
}

build_minimal() {
  local out=$1 suite=$2
  use_mirror
  log "debootstrap of $suite (about one minute)"
  mkdir "$out/rootfs"
  debootstrap --variant=minbase --include="$MINIMAL" "$suite" "$out/rootfs" "$MIRROR" >"$out/debootstrap.log" ||
    { tail -n 20 "$out/debootstrap.log" >&2; die "debootstrap of $suite from the configured mirror failed"; }
  finish_root "$out/rootfs"
}

# What packages.txt needs beyond the minimal host. Recommended packages are left out: they bring a kernel.
build_repository() {
  local out=$1 suite=$2 minimal=$3 scratch
  use_mirror
  scratch=$out/scratch
  cp -a --reflink=auto "$minimal/rootfs" "$scratch"
  mkdir -p "$out/repository"
  echo "deb $MIRROR $suite main" >"$scratch/etc/apt/sources.list"
  rm "$scratch/etc/apt/sources.list.d/debian.list"
  cp --dereference /etc/resolv.conf /etc/hosts "$scratch/etc/"
  in_root "$scratch" apt-get -q update
  mapfile -t wanted < <(packages)
  in_root "$scratch" apt-get -q install --yes --download-only --no-install-recommends "${wanted[@]}"
  cp "$scratch"/var/cache/apt/archives/*.deb "$out/repository/"
  rm -rf "$scratch"
  index_repository "$out/repository" "$suite"
}

index_repository() {
  cd "$1"
  apt-ftparchive packages . >Packages
  apt-ftparchive -o APT::FTPArchive::Release::Origin=Debian -o APT::FTPArchive::Release::Label=Debian \
    -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename="$2" release . >../Release
  mv ../Release Release
  chmod -R a+rX .
}

build_full() {
  local out=$1 minimal=$2
  REPOSITORY=$3/repository
  cp -a --reflink=auto "$minimal/rootfs" "$out/rootfs"
  # Nothing may start while packages are set up.
  printf '#!/bin/sh\nexit 101\n' >"$out/rootfs/usr/sbin/policy-rc.d"
  chmod 755 "$out/rootfs/usr/sbin/policy-rc.d"
  mapfile -t wanted < <(packages full)
  in_root "$out/rootfs" apt-get -q update
  in_root "$out/rootfs" apt-get -q install --yes --no-install-recommends "${wanted[@]}"
  finish_root "$out/rootfs"
}

kind=${1:-} suite=${2:-} size=${3:-}
[[ $suite == trixie || $suite == bookworm ]] || die "suite is '$suite'; write trixie or bookworm"
key=$suite-$(input_key "$HERE/base.sh" "$HERE/rootfs" "$HERE/packages.txt" "text:$(dpkg --print-architecture)")
minimal=$(build_once host-minimal "$key" build_minimal "$suite")
case $kind-$size in
  rootfs-minimal) echo "$minimal/rootfs" ;;
  repository- | rootfs-full)
    repository=$(build_once host-repository "$key" build_repository "$suite" "$minimal")
    if [[ $kind == repository ]]; then
      echo "$repository/repository"
    else
      full=$(build_once host-full "$key" build_full "$minimal" "$repository")
      echo "$full/rootfs"
    fi
    ;;
  *) die "usage: base.sh rootfs SUITE full|minimal, or base.sh repository SUITE; got '$*'" ;;
esac
