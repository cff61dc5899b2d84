# What must hold before anything changes. All problems come out in one go.

readonly SERVER=/var/lib/rancher/k3s/server

guard_host() {
  local machine path
  machine=$(uname -m)
  case $ARCHITECTURE-$machine in
    amd64-x86_64 | arm64-aarch64) ;;
    *) problem "cluster.architecture: $ARCHITECTURE is set, the host is $machine" ;;
  esac
  [ -n "$(ip -o addr show to "$NODE_IP")" ] || problem "cluster.nodeIp: $NODE_IP is not an address of this host; see: ip addr"
  if [ -e "$K3S" ] && [ ! -L "$K3S" ]; then problem "host.address: $K3S was installed by something else; remove it"; fi
  # They would change what k3s runs with, behind our back.
  for path in /etc/rancher/k3s/config.yaml.d/*.yaml /etc/systemd/system/k3s.service.d/*.conf; do
    [ ! -e "$path" ] || problem "host.address: $path changes k3s and is not ours; move its content into cluster.* settings and delete it"
  done
}

# VERSION as numbers: "1 36 5 1" for v1.36.5+k3s1.
numbers_of() { sed -nE 's/^v([0-9]+)\.([0-9]+)\.([0-9]+)\+k3s([0-9]+)$/\1 \2 \3 \4/p' <<<"$1"; }

guard_version() { # CURRENT
  local current wanted now
  read -r -a now <<<"$(numbers_of "$1")"
  read -r -a wanted <<<"$(numbers_of "$VERSION")"
  [ "${#now[@]}" = 4 ] || return 0
  current=$(printf '%04d' "${now[@]}")
  if [[ $(printf '%04d' "${wanted[@]}") < $current ]]; then
    problem "cluster.version: $VERSION is older than $1, which the host runs; a downgrade damages the datastore: set $1 or newer"
  elif [ "${wanted[0]}" != "${now[0]}" ] || [ "$((wanted[1] - now[1]))" -gt 1 ]; then
    problem "cluster.version: from $1 to $VERSION skips a minor version; go through each of them"
  fi
}

good_hash() { cat "$STATE_DIR/k3s.good" 2>/dev/null || true; }

# The configuration that the datastore was last used with.
last_config() {
  local good
  good=$(good_hash)
  if [ -n "$good" ] && [ -f "$STATE_DIR/good/$good$CONFIG" ]; then
    printf '%s\n' "$STATE_DIR/good/$good$CONFIG"
  else
    printf '%s\n' "$CONFIG"
  fi
}

guard_existing() {
  local current good config seen setting key name value
  [ -e "$SERVER/db" ] || return 0
  if [ -s "$SERVER/token" ]; then
    current=$(<"$SERVER/token")
    if [ "${current##*::server:}" != "$TOKEN" ]; then
      problem "clusterToken: differs from the token that encrypts this host's datastore; restore the earlier value (k3s token rotate changes it on purpose)"
    fi
  fi
  good=$(good_hash)
  if [ -n "$good" ] && [ -s "$STATE_DIR/good/$good/version" ]; then guard_version "$(<"$STATE_DIR/good/$good/version")"; fi
  config=$(last_config)
  [ -f "$config" ] || return 0
  for setting in "${IMMUTABLE[@]}"; do
    IFS='|' read -r key name value <<<"$setting"
    seen=$(sed -n "s/^$name: //p" "$config" | head -n 1)
    [ "$seen" = "$value" ] || problem "$key: wanted \"$name: $value\", the host was installed with \"${seen:-nothing}\"; it cannot change later: set it back, or install a new host"
  done
}

check_guards() {
  guard_host
  guard_existing
  tell_problems 30
}
