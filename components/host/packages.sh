# Packages of the distribution. A fresh VPS still has cloud-init and unattended-upgrades at work.

wait_for_cloud_init() {
  local code=0
  command -v cloud-init >/dev/null || return 0
  log "waiting for cloud-init"
  timeout 600 cloud-init status --wait >/dev/null 2>&1 || code=$?
  # 2 means finished with recoverable errors, which are the provider's own.
  case $code in
    0 | 2) ;;
    124) die 21 "cloud-init did not finish within 600 s; see: cloud-init status --long" ;;
    *) die 21 "cloud-init failed with status $code; see: cloud-init status --long" ;;
  esac
}

# Shows what matters of a long output: enough to keep the connection alive and to see why it failed.
apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a timeout 900 apt-get -q -y \
    -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" 2>&1 |
    sed -nuE '/^(Setting up|Err:|E:|W:|dpkg:| )/p'
}

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || printf '%s\n' "$package"
  done
}

packages_present() { [ -z "$(missing_packages)" ]; }

install_packages() {
  local try missing=()
  # What a killed run left half unpacked.
  DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold
  for try in 1 2 3; do
    if apt_get update; then break; fi
    [ "$try" -lt 3 ] || die 21 "apt-get update failed three times; see its output above"
    sleep 5
  done
  mapfile -t missing < <(missing_packages)
  log "installing ${missing[*]}"
  apt_get install --no-install-recommends "${missing[@]}" || die 21 "apt-get could not install ${missing[*]}; see its output above"
}

ensure_packages() {
  if packages_present; then return 0; fi
  if ! probing; then wait_for_cloud_init; fi
  ensure 21 "packages of the distribution" packages_present install_packages
}
