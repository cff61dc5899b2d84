#!/usr/bin/env bash
# Prints the directory that holds pulumi-resource-{command,kubernetes,random,tls}, built when missing:
# one binary from rig/go/plugins under four names. About two minutes with empty caches.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NAMES=(command kubernetes random tls)

build_plugins() {
  local out=$1 name
  (cd "$RIG_DIR/go/plugins" && CGO_ENABLED=0 nice go build -p 2 -mod=readonly -trimpath -ldflags "-s -w" -o "$out/plugins" .)
  for name in "${NAMES[@]}"; do
    ln -s plugins "$out/pulumi-resource-$name"
  done
}

build_once plugins "$(input_key "$RIG_DIR/plugins.sh" "$RIG_DIR/go/plugins")" build_plugins
