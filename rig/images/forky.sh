# shellcheck shell=bash
# What the small images of Debian forky programs have in common. Source after debian.sh.

# What Debian needs to install a service on a machine, and a container does not.
SERVICE_LEFT_OUT='(adduser|base-passwd|debconf|libdebconf|ucf|sensible-utils|netbase|passwd|login|procps|libproc2|sysvinit'
SERVICE_LEFT_OUT+='|systemd|libsystemd-shared|libmount|libblkid|libpcre2|libselinux|libsemanage|libsepol|libbsd|libmd0|libcrypt'
SERVICE_LEFT_OUT+='|perl|libperl|libjson-perl|libtext|libdb5|libgdbm|libc-gconv|gcc-|mawk|openssl|ssl-cert|readline-common|libacl'
SERVICE_LEFT_OUT+='|postgresql-common|postgresql-client-common|libsasl2-modules|libpam-modules|ca-certificates|libbz2).*'

# service_packages, monitoring_packages: the directories of the .debs that several archives are made of. Two lists
# and not one for each archive, because reading Debian's index takes longest.
service_packages() {
  debian_packages forky 'base-files libc6 pgbouncer postgresql-client-18 valkey-server valkey-tools curl' "$SERVICE_LEFT_OUT"
}

monitoring_packages() {
  local names='base-files libc6 tzdata prometheus promtool prometheus-alertmanager prometheus-postgres-exporter'
  debian_packages forky "$names prometheus-pgbouncer-exporter prometheus-redis-exporter prometheus-node-exporter" \
    "($SERVICE_LEFT_OUT|(libaudit|libcap-ng|libgcc|libncurses|libtinfo|libpam|libssl|libsystemd0|libzstd|zlib).*)"
}

# debian_root DEBS ROOT NAME...: the packages NAME with a frame around them, without a shell: users, /tmp, name lookup.
debian_root() {
  local root=$2
  unpack_packages "$@"
  rm -rf "$root"/var/{run,lib,log,cache,lock} "$root"/etc/{default,init.d,logrotate.d,cron.d,systemd} "$root"/usr/lib/systemd
  install -d -m 0755 "$root"/var/{lib,log}
  ln -s /run "$root/var/run"
  install -d -m 1777 "$root/tmp"
  add_user "$root" nobody 65534 /nonexistent
  add_name_lookup "$root"
}

# upstream_version DEBS PACKAGE: the version without Debian's epoch and revision, for the tag of an image.
upstream_version() {
  jq --raw-output --exit-status --arg name "$2" '.[$name] | sub("^[0-9]+:"; "") | sub("[-+].*"; "")' "$1/packages.json"
}

# merge_layers ROOT LAYER...: what a container of these layers sees, for checks; of hard links where nothing differs.
merge_layers() {
  local root=$1 layer
  shift
  mkdir "$root"
  for layer in "$@"; do
    cp --archive --link --remove-destination "$layer/." "$root/"
  done
}
