#!/usr/bin/env bash
# Prints the directory with the `node` that runs the program (from rig/toolchain/package.json), and installs it
# and the program's own packages when their lock files changed. Needs npm alone, whatever Node the machine has.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# install_packages DIRECTORY: `npm ci` when the lock file is not the one that was installed last.
install_packages() {
  local directory=$1 mark=$1/node_modules/.installed key
  key=$(input_key "$directory/package.json" "$directory/package-lock.json")
  [[ -f $mark && $(<"$mark") == "$key" ]] && return
  log "installing npm packages listed in ${directory#"$REPO_DIR"}/package-lock.json"
  (cd "$directory" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
    die "npm ci failed in $directory: see its message above"
  printf '%s' "$key" >"$mark"
}

mkdir -p "$REPO_DIR/.rig"
exec {lock}>"$REPO_DIR/.rig/npm.lock"
flock "$lock"
bin=$RIG_DIR/toolchain/node_modules/.bin
install_packages "$RIG_DIR/toolchain"
PATH=$bin:$PATH install_packages "$REPO_DIR"
PATH=$bin:$PATH install_packages "$RIG_DIR/sample-app" # for its tests; the image installs its own
printf '%s\n' "$bin"
