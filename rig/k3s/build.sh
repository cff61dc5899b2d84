#!/usr/bin/env bash
# Prints the directory that holds `k3s`, one self-contained executable for amd64, made when missing.
#   official   the release binary, its digest pinned below
#   built      the stand-in of rig/go/k3s with upstream Kubernetes, etcd, containerd and CNI plugins as its payload
# Which of the two: rig/source.sh. The parts are cached one by one: a change of the stand-in costs seconds.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

VERSION=v1.36.3+k3s1
RELEASE_URL="https://github.com/k3s-io/k3s/releases/download/${VERSION/+/%2B}/k3s"
RELEASE_SHA256=2f98a9f8fe5782479ee2d54e70a1b10a7f6fd4cae8d38ed3098452dc6eed76b5
CONTAINERD=github.com/containerd/containerd/v2
PLUGINS=github.com/containernetworking/plugins/plugins
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false

download_release() {
  local out=$1
  log "downloading k3s $VERSION"
  curl --proto '=https' --tlsv1.2 --fail --location --silent --show-error --retry 3 --max-time 600 \
    --output "$out/k3s" "$RELEASE_URL"
  printf '%s  %s\n' "$RELEASE_SHA256" "$out/k3s" | sha256sum --check --quiet ||
    die "k3s $VERSION does not have the pinned digest $RELEASE_SHA256; nothing of it was used"
  chmod 0755 "$out/k3s"
}

build_kubernetes() {
  local package=k8s.io/component-base/version
  log "compiling Kubernetes 1.36.3 with etcd (5 to 13 minutes with empty caches)"
  (cd "$RIG_DIR/go/kubernetes" && nice go build -trimpath -o "$1/kube" -ldflags "-s -w \
    -X $package.gitVersion=$VERSION -X $package.gitMajor=1 -X $package.gitMinor=36 -X $package.gitTreeState=clean" .)
}

build_containerd() {
  log "compiling containerd and the CNI plugins (2 minutes with empty caches)"
  (cd "$RIG_DIR/go/containerd" && nice go build -trimpath -o "$1/" -ldflags "-s -w -X $CONTAINERD/version.Version=v2.4.2" \
    "$CONTAINERD/cmd/containerd" "$CONTAINERD/cmd/containerd-shim-runc-v2" "$CONTAINERD/cmd/ctr" \
    "$PLUGINS/main/bridge" "$PLUGINS/main/loopback" "$PLUGINS/meta/portmap" "$PLUGINS/ipam/host-local")
}

# runc needs cgo and libseccomp, so it comes as a Debian package, which also runs on later releases than its own.
fetch_runc() {
  "$RIG_DIR/k3s/runc.sh" "$1"
}

# compose OUT PAYLOAD...: the stand-in, which unpacks the payload to a folder named by the payload's hash.
compose() {
  local out=$1 hash
  shift
  hash=$(sha256sum "$@" | cut -d' ' -f1 | sha256sum | cut -c1-32)
  (
    cd "$RIG_DIR/go/k3s"
    go build -trimpath -o "$out/program" -ldflags "-s -w -X main.version=$VERSION -X main.payloadHash=$hash" .
    go run ./pack "$out/k3s" "$out/program" "$@"
  )
  rm "$out/program"
}

build_standin() {
  local kube containerd runc
  kube=$(build_once kubernetes "$(input_key "$RIG_DIR/go/kubernetes" "text:$VERSION")" build_kubernetes)
  containerd=$(build_once containerd "$(input_key "$RIG_DIR/go/containerd")" build_containerd)
  runc=$(build_once runc "$(input_key "$RIG_DIR/k3s/runc.sh")" fetch_runc)
  build_once k3s "$(input_key "$RIG_DIR/k3s" "$RIG_DIR/go/k3s" "text:$kube" "text:$containerd" "text:$runc")" \
    compose "$kube/kube" "$containerd"/* "$runc"/*
}

case $("$RIG_DIR/source.sh") in
  official) build_once k3s "$(input_key "$RIG_DIR/k3s/build.sh" text:official)" download_release ;;
  built) build_standin ;;
esac
