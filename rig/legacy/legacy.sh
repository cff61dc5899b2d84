#!/usr/bin/env bash
# A PostgreSQL 15 as Debian 12 has it, outside of any cluster, at an address on the hosts' bridge: the old server that
# a database is moved in from.
#   legacy.sh start NAME             makes it when missing, starts it, waits until it answers
#   legacy.sh stop NAME
#   legacy.sh destroy NAME | destroy-all
#   legacy.sh ip NAME | ca NAME      its address; the file with the CA of its certificate
#   legacy.sh psql NAME ARGUMENT...  as superuser, statements on stdin
#   legacy.sh loopback NAME          what `ssh` or `docker exec` would give: stdin and stdout are a connection to it
# TLS and scram from the network, peer through the socket. NAME has up to 8 characters.
# State held: .rig/services/pg_NAME.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=rig/service.sh
. "$RIG_DIR/service.sh"
# shellcheck source=rig/images/debian.sh
. "$RIG_DIR/images/debian.sh"

PROGRAMS=/usr/lib/postgresql/15/bin
PACKAGES='base-files bash dash coreutils tzdata libc-bin postgresql-15 postgresql-client-15'
LEFT_OUT='(perl|libperl|libjson-perl|libtext|debconf|libdebconf|ucf|adduser|sensible-utils|ssl-cert|postgresql-common'
LEFT_OUT+='|postgresql-client-common|systemd|sysvinit|login|passwd|base-passwd|netbase|locales|readline-common|libllvm|libz3).*'

build_root() {
  local root=$1/root
  unpack_packages "$(debian_packages bookworm "$PACKAGES" "$LEFT_OUT")" "$root"
  [[ -e $root/usr/bin/sh ]] || ln -s dash "$root/usr/bin/sh"
  add_user "$root" postgres 999 /var/lib/postgresql
  add_name_lookup "$root"
  rm -rf "$root/var/run" "$root/var/lib/postgresql"
  ln -s /run "$root/var/run"
  install -d "$root/var/lib/postgresql" "$root/run" "$root/dev" "$root/proc"
  install -d -m 1777 "$root/tmp"
}

root() {
  printf '%s/root\n' "$(build_once legacy-postgres "$(input_key "$RIG_DIR/images/debian.sh" "text:$PACKAGES $LEFT_OUT $(declare -f build_root)")" build_root)"
}

# inside DIRECTORY COMMAND...: in the old system, with DIRECTORY/data as the home of its database. Mounts end with it.
inside() {
  local directory=$1 root
  shift
  root=$(root)
  # shellcheck disable=SC2016 # expanded in there
  unshare --mount bash -euc '
    root=$1 data=$2
    shift 2
    mount --bind "$data" "$root/var/lib/postgresql"
    mount --bind "$data/run" "$root/run"
    mount --rbind /dev "$root/dev"
    mount --bind /proc "$root/proc"
    mount -t tmpfs tmpfs "$root/tmp"
    exec chroot --userspec=999:999 --groups=999 "$root" env -i LANG=C.UTF-8 PATH='"$PROGRAMS"':/usr/bin:/bin HOME=/tmp "$@"
  ' inside "$root" "$directory/data" "$@"
}

make() {
  local id=$1 directory=$SERVICES/$1
  rm -rf "$directory/data"
  install -d -o 999 -g 999 "$directory/data" "$directory/data/run" "$directory/data/tls"
  make_authority "$directory"
  make_certificate "$directory" "$(<"$directory/ip")"
  install -o 999 -g 999 -m 0600 "$directory/public.crt" "$directory/private.key" "$directory/data/tls/"
  inside "$directory" initdb --pgdata=/var/lib/postgresql/15 --username=postgres --auth-local=peer \
    --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  cat >>"$directory/data/15/postgresql.conf" <<'CONF'
listen_addresses = '*'
unix_socket_directories = '/run'
ssl = on
ssl_cert_file = '/var/lib/postgresql/tls/public.crt'
ssl_key_file = '/var/lib/postgresql/tls/private.key'
max_prepared_transactions = 2
CONF
  cat >"$directory/data/15/pg_hba.conf" <<'HBA'
local   all all              peer
host    all all 127.0.0.1/32 scram-sha-256
hostssl all all 0.0.0.0/0    scram-sha-256
HBA
  touch "$directory/complete"
}

start() {
  local id=$1 directory=$SERVICES/$1 deadline=$((SECONDS + 60))
  root >/dev/null
  service_claim "$id"
  [[ -e $directory/complete ]] || make "$id"
  service_runs "$id" || service_run "$id" "$RIG_DIR/legacy/legacy.sh" serve "$directory"
  until inside "$directory" pg_isready --quiet --host=/run --username=postgres; do
    ((SECONDS < deadline)) || die "the old server did not start; last lines of $directory/log:$(printf '\n' && tail -n 15 "$directory/log")"
    sleep 0.2
  done
  log "$id: ready at $(<"$directory/ip")"
}

# shellcheck disable=SC2016 # the connection's descriptor
loopback() {
  exec ip netns exec "hc-$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/5432; cat <&3 & exec cat >&3'
}

main() {
  local command=${1:-} id=''
  if [[ $command == serve ]]; then # called by start, in the network of the server
    inside "$2" postgres -D /var/lib/postgresql/15
    return
  fi
  if [[ $command == destroy-all ]]; then
    for id in $(service_ids pg); do service_remove "$id"; done
    return
  fi
  id=$(service_id pg "${2:-}")
  shift 2
  case $command in
    start | destroy) ;;
    *) [[ -e $SERVICES/$id/complete ]] || die "no old server '${id#pg_}' in $SERVICES; start it first" ;;
  esac
  case $command in
    start) start "$id" ;;
    stop) service_end "$id" 20 ;;
    destroy) service_remove "$id" ;;
    ip) cat "$SERVICES/$id/ip" ;;
    ca) echo "$SERVICES/$id/ca.crt" ;;
    psql) inside "$SERVICES/$id" psql --host=/run --username=postgres --no-psqlrc --no-align --tuples-only --quiet -v ON_ERROR_STOP=1 "$@" ;;
    loopback) loopback "$id" ;;
    *) die "unknown command '$command'; see the head of $0" ;;
  esac
}

main "$@"
