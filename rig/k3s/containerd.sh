#!/usr/bin/env bash
# Prints the directory with containerd, its shim, ctr and the CNI plugins, compiled when missing.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

CONTAINERD=github.com/containerd/containerd/v2
PLUGINS=github.com/containernetworking/plugins/plugins

build_containerd() {
  log "compiling containerd and the CNI plugins (1 to 2 minutes with empty caches)"
  (cd "$RIG_DIR/go/containerd" && CGO_ENABLED=0 nice go build -trimpath -o "$1/" \
    -ldflags "-s -w -X $CONTAINERD/version.Version=v2.4.2" \
    "$CONTAINERD/cmd/containerd" "$CONTAINERD/cmd/containerd-shim-runc-v2" "$CONTAINERD/cmd/ctr" \
    "$PLUGINS/main/bridge" "$PLUGINS/main/loopback" "$PLUGINS/meta/portmap" "$PLUGINS/ipam/host-local")
}

build_once containerd "$(input_key "$RIG_DIR/go/containerd")" build_containerd
