# Configuration, start, readiness, and the way back. What k3s was last ready with is kept in good/<hash>.

readonly APPLIED="$STATE_DIR/k3s.applied"

running_version() { local link && link=$(readlink -- "$K3S") && printf '%s\n' "${link#k3s-}"; }

# Over everything that decides how k3s runs.
state_hash() {
  local path
  {
    for path in "${MANAGED[@]}"; do
      if [ -f "$path" ]; then printf '%s %s\n' "$path" "$(sha256sum <"$path")"; fi
    done
    readlink -- "$K3S" || true
    if [ -f "$K3S" ]; then sha256sum <"$K3S"; fi
  } | sha256sum | cut -d ' ' -f 1
}

link_binary() { # VERSION
  if [ "$(readlink -- "$K3S" || true)" = "k3s-$1" ]; then return 0; fi
  if probing; then
    drift "$K3S"
    return 0
  fi
  before_change "$K3S"
  ln -sfnT -- "k3s-$1" /usr/local/bin/.k3s.new
  mv -fT -- /usr/local/bin/.k3s.new "$K3S"
  sync -- /usr/local/bin
  log "k3s is now $1"
}

# The way back from an upgrade needs the data as it was before.
save_snapshot() {
  if probing || [ ! -d "$SERVER/db/etcd" ] || [ "$(running_version)" = "$VERSION" ]; then return 0; fi
  if ! systemctl -q is-active k3s; then return 0; fi
  log "saving an etcd snapshot before the change of version"
  timeout 300 "$K3S" etcd-snapshot save --name "before-${VERSION//+/-}" || die 30 "cannot save an etcd snapshot; the version was not changed. See: journalctl -u k3s"
}

write_configuration() {
  support_files
  if ! probing; then
    ensure_dir "$SERVER" 700
    ensure_dir "$SERVER/logs" 700
  fi
  # From here to readiness the host is between two states; a killed run leaves no marker, so the next one starts k3s again.
  before_change() { rm -f -- "$APPLIED"; }
  k3s_files
  if [ "$REGISTRY" = no ]; then remove_file /etc/rancher/k3s/registries.yaml; fi
  save_snapshot
  link_binary "$VERSION"
  if ! probing; then systemctl daemon-reload; fi
}

is_current() { systemctl -q is-active k3s && [ "$(cat "$APPLIED" 2>/dev/null || true)" = "$(state_hash)" ]; }

answers() { systemctl -q is-active k3s && [ "$(timeout 10 "$K3S" kubectl get --raw=/readyz 2>/dev/null || true)" = ok ]; }
# systemd starts it again every five seconds; the counter was reset before the start.
keeps_dying() { [ "$(systemctl show -p NRestarts --value k3s)" -ge 3 ]; }
has_result() { answers || keeps_dying; }

# The node object alone would still say Ready for a while after its kubelet has died.
node_ready() {
  [ "$(curl -fsS --max-time 5 http://127.0.0.1:10248/healthz 2>/dev/null || true)" = ok ] &&
    [ "$(timeout 10 "$K3S" kubectl get node "$NODE_NAME" -o 'jsonpath={.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null || true)" = "$(running_version) True" ]
}

started=0

start_k3s() {
  started=$(date +%s)
  systemctl daemon-reload
  systemctl -q enable k3s
  systemctl reset-failed k3s 2>/dev/null || true
  log "starting k3s $(running_version)"
  systemctl restart --no-block k3s
}

comes_up() {
  start_k3s
  wait_for "$START_SECONDS" "k3s to answer" has_result || return 1
  answers || return 1
  wait_for "$START_SECONDS" "node $NODE_NAME to be Ready with $(running_version)" node_ready
}

mask() {
  local line secret
  while IFS= read -r line; do
    for secret in "${SECRETS[@]}"; do line=${line//"$secret"/***}; done
    printf '%s\n' "${line:0:300}"
  done
}

dump() {
  {
    echo '--- systemctl status k3s'
    systemctl status --no-pager --lines=0 k3s || true
    # The end of the journal is mostly what k3s says while it stops: the reason stands further up.
    echo '--- errors of k3s since its start'
    journalctl -u k3s --no-pager -o cat --since "@$started" | grep -iE 'level=(error|fatal)|command failed|unknown flag|invalid' | tail -n 30 || true
    echo '--- last lines of the journal of k3s'
    journalctl -u k3s --no-pager -n 50 -o cat || true
    echo '--- disk, memory, ports'
    df -h /var/lib || true
    free -m || true
    ss -Hltn || true
  } 2>&1 | mask >&2
}

restore() { # HASH
  local good="$STATE_DIR/good/$1" path mode
  for path in "${MANAGED[@]}"; do
    mode=$(mode_of "$good$path")
    if [ -n "$mode" ]; then install_file "$path" "$mode" <"$good$path"; else remove_file "$path"; fi
  done
  link_binary "$(<"$good/version")"
}

roll_back() {
  local good
  good=$(good_hash)
  if [ -z "$good" ] || [ ! -d "$STATE_DIR/good/$good" ]; then
    die 40 "k3s did not come up, and there is no earlier good configuration to go back to; correct what the errors above name and run again"
  fi
  if [ "$good" = "$(state_hash)" ]; then
    die 40 "k3s does not start with its last good configuration; see the journal above"
  fi
  log "going back to the last good configuration"
  restore "$good"
  if comes_up; then
    install_file "$APPLIED" 600 <<<"$good"
    die 41 "k3s refused the new configuration, see the journal above; the host runs the last good one again. Correct the setting and run again"
  fi
  dump
  die 40 "k3s starts neither with the new nor with the last good configuration; see both journals above"
}

ensure_running() {
  if is_current; then return 0; fi
  if probing; then
    drift "k3s is not running with this configuration"
    return 0
  fi
  if comes_up; then return 0; fi
  dump
  roll_back
}

addons_available() {
  [ "$(timeout 10 "$K3S" kubectl -n kube-system get deployment coredns metrics-server local-path-provisioner \
    -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Available")].status} {end}' 2>/dev/null || true)" = 'True True True ' ]
}
default_account_exists() { timeout 10 "$K3S" kubectl -n default get serviceaccount default >/dev/null 2>&1; }

wait_until_ready() {
  if probing; then return 0; fi
  wait_for "$START_SECONDS" "k3s to answer" answers || { dump && die 42 "k3s does not answer"; }
  wait_for "$START_SECONDS" "node $NODE_NAME to be Ready with $VERSION" node_ready || { dump && die 42 "node $NODE_NAME is not Ready with $VERSION"; }
  wait_for "$ADDON_SECONDS" "coredns, metrics-server and local-path-provisioner" addons_available || {
    timeout 10 "$K3S" kubectl -n kube-system get pods -o wide >&2 || true
    dump
    die 42 "coredns, metrics-server or local-path-provisioner is not Available after $ADDON_SECONDS s; the pods above say why"
  }
  wait_for 60 "the default service account" default_account_exists || die 42 "the default service account does not exist after 60 s"
}

# Complete or absent: the copy is renamed into place, and only then named as the good one.
remember_good() {
  local hash good path
  if probing; then return 0; fi
  before_change() { :; }
  hash=$(state_hash)
  good="$STATE_DIR/good/$hash"
  if [ ! -d "$good" ]; then
    rm -rf -- "$STATE_DIR/good/.new"
    ensure_dir "$STATE_DIR/good" 700
    mkdir -m 700 -- "$STATE_DIR/good/.new"
    for path in "${MANAGED[@]}"; do
      [ -f "$path" ] || continue
      mkdir -p -- "$STATE_DIR/good/.new${path%/*}"
      cp -p -- "$path" "$STATE_DIR/good/.new$path"
    done
    printf '%s\n' "$VERSION" >"$STATE_DIR/good/.new/version"
    sync -f "$STATE_DIR/good/.new"
    mv -T -- "$STATE_DIR/good/.new" "$good"
  fi
  install_file "$STATE_DIR/k3s.good" 600 <<<"$hash"
  install_file "$APPLIED" 600 <<<"$hash"
  find "$STATE_DIR/good" -mindepth 1 -maxdepth 1 ! -name "$hash" -exec rm -rf -- {} +
}

timer_runs() { systemctl -q is-enabled "$TIMER" && systemctl -q is-active "$TIMER"; }
start_timer() { systemctl -q enable --now "$TIMER"; }
ensure_timer() { ensure 20 "timer $TIMER" timer_runs start_timer; }

tell_result() { log "k3s $VERSION is ready on node $NODE_NAME"; }
