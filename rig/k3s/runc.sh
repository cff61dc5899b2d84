#!/usr/bin/env bash
# runc.sh DIR: puts Debian's runc into DIR. It is the one part that needs cgo and libseccomp (present on any
# systemd host). Bookworm's build is taken because it runs on bookworm and on later releases alike.
# apt checks the archive's signature; its lists live in a folder of their own, so the machine's are untouched.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

SUITE=bookworm
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

private_apt() {
  local dir=$1 base
  base=$(debian_mirror) || die "apt of this machine names no Debian mirror; set RIG_DEBIAN_MIRROR"
  mkdir -p "$dir"/{etc,lists/partial,archives/partial}
  : >"$dir/status"
  echo "deb [signed-by=$KEYRING] $base $SUITE main" >"$dir/etc/sources.list"
  cat >"$dir/apt.conf" <<CONF
Dir::Etc::SourceList "$dir/etc/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
  export APT_CONFIG=$dir/apt.conf
}

target=$(realpath "${1:?usage: runc.sh DIR}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
private_apt "$scratch"
log "fetching runc of $SUITE"
apt-get -q update >/dev/null || die "apt cannot read the package list of $SUITE; is its mirror reachable?"
(cd "$scratch" && apt-get -q download runc >/dev/null)
dpkg-deb --extract "$scratch"/runc_*.deb "$scratch/tree"
install -m 0755 "$scratch/tree/usr/sbin/runc" "$target/runc"
