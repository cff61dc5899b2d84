# shellcheck shell=bash
# A program beside the hosts and outside of any cluster, as the services of others are: it has an address of its own
# on the hosts' bridge, and a network namespace and cgroups by which all that belongs to it is found. Source after lib.sh.
# State held: .rig/services/ID (its files, `ip`), and its claim of the name and address on this machine.

# shellcheck source=rig/host/machine.sh
. "$RIG_DIR/host/machine.sh"
# shellcheck source=rig/host/instance.sh
. "$RIG_DIR/host/instance.sh"
SERVICES=$(dirname "$HOSTS")/services
HOSTS=$SERVICES # what instance.sh does to hosts it then does to services

# service_id KIND NAME: what the service is called on this machine, KIND of two letters; hosts have no _ in their names.
service_id() {
  [[ $2 =~ ^[a-z][a-z0-9-]{0,7}$ ]] || die "name '$2': use 1 to 8 of a-z, 0-9 and -, a letter first"
  echo "$1_$2"
}

# service_ids KIND: those of this checkout, one per line.
service_ids() {
  find "$SERVICES" -mindepth 1 -maxdepth 1 -name "$1_*" -printf '%f\n' 2>/dev/null | sort || true
}

# service_claim ID: makes its directory and gives it an address, the one it had when there was one.
service_claim() {
  local directory=$SERVICES/$1
  ((EUID == 0)) || die "user id is $EUID: services need root, as hosts do"
  need_tools
  install -d -m 0700 "$directory"
  machine_locked claim "$1" "$directory" "$(cat "$directory/ip" 2>/dev/null || true)" >"$directory/ip.new"
  if [[ -s $directory/ip ]] && ! cmp -s "$directory/ip" "$directory/ip.new"; then
    die "address $(<"$directory/ip") of '$1' is taken by now; destroy it and start it again"
  fi
  mv "$directory/ip.new" "$directory/ip"
}

# service_run ID COMMAND...: starts the program in the network of its own; what it says goes to its log.
service_run() {
  local id=$1
  shift
  kill_host "$id" # what a crash left
  host_network_up "$id" "$(<"$SERVICES/$id/ip")"
  (
    enter_cgroups "$id"
    exec setsid --fork ip netns exec "hc-$id" "$@" </dev/null >>"$SERVICES/$id/log" 2>&1
  )
}

service_runs() {
  [[ -n $(cgroup_processes "$1") ]]
}

# service_end ID SECONDS: SIGTERM, then SIGKILL; address and files stay.
service_end() {
  local id=$1 deadline=$((SECONDS + $2)) pids
  pids=$(cgroup_processes "$id")
  # shellcheck disable=SC2086 # one word per process
  [[ -z $pids ]] || kill -TERM $pids 2>/dev/null || true
  while service_runs "$id" && ((SECONDS < deadline)); do sleep 0.05; done
  kill_host "$id"
}

# service_remove ID: with its files and its claim, also of a half-made one.
service_remove() {
  kill_host "$1"
  machine_locked release "$1"
  rm -rf --one-file-system "${SERVICES:?}/$1"
  rmdir --ignore-fail-on-non-empty "$SERVICES" 2>/dev/null || true
}

# service_block ID: from now on every packet to and from it is dropped, so that callers wait instead of being refused.
service_block() {
  ip netns exec "hc-$1" nft -f - <<'RULES'
table inet blocked {
}
delete table inet blocked
table inet blocked {
  chain input {
    type filter hook input priority -10; policy drop;
    iif lo accept
  }
  chain output {
    type filter hook output priority -10; policy drop;
    oif lo accept
  }
}
RULES
}

service_unblock() {
  ! ip netns exec "hc-$1" nft list table inet blocked >/dev/null 2>&1 || ip netns exec "hc-$1" nft delete table inet blocked
}

# make_authority DIRECTORY: ca.crt and ca.key.
make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=CA of $(basename "$1")" \
    -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
}

# make_certificate DIRECTORY ADDRESS: public.crt and private.key for ADDRESS, signed by ca.crt and ca.key there.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$2" \
    -addext "subjectAltName=IP:$2" -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth \
    -CA "$1/ca.crt" -CAkey "$1/ca.key" -keyout "$1/private.key" -out "$1/public.crt" 2>/dev/null
}
