#!/usr/bin/env bash
# Prints the directory that holds `k3s`, one self-contained executable for amd64, made when missing.
#   official   the release binary, its digest pinned in release.sh
#   built      the stand-in of rig/go/k3s with upstream Kubernetes, etcd, containerd and CNI plugins as its payload
# Which of the two: rig/source.sh. The parts are cached one by one: a change of the stand-in costs seconds.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=rig/k3s/release.sh
. "$RIG_DIR/k3s/release.sh"

export CGO_ENABLED=0

download_release() {
  local out=$1
  fetch_k3s_file k3s "$out/k3s"
  printf '%s  %s\n' "$K3S_SHA256" "$out/k3s" | sha256sum --check --quiet ||
    die "k3s $K3S_VERSION does not have the pinned digest $K3S_SHA256; nothing of it was used"
  chmod 0755 "$out/k3s"
}

build_kubernetes() {
  local package=k8s.io/component-base/version
  log "compiling Kubernetes 1.36.3 with etcd (about 5 minutes with empty caches)"
  (cd "$RIG_DIR/go/kubernetes" && nice go build -trimpath -o "$1/kube" -ldflags "-s -w \
    -X $package.gitVersion=$K3S_VERSION -X $package.gitMajor=1 -X $package.gitMinor=36 -X $package.gitTreeState=clean" .)
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
    go build -trimpath -o "$out/program" -ldflags "-s -w -X main.version=$K3S_VERSION -X main.payloadHash=$hash" .
    go run -trimpath ./pack "$out/k3s" "$out/program" "$@"
  )
  rm "$out/program"
}

build_standin() {
  local kube containerd runc
  kube=$(build_once kubernetes "$(input_key "$RIG_DIR/go/kubernetes" "text:$K3S_VERSION")" build_kubernetes)
  containerd=$("$RIG_DIR/k3s/containerd.sh")
  runc=$(build_once runc "$(input_key "$RIG_DIR/k3s/runc.sh")" fetch_runc)
  build_once k3s "$(input_key "$RIG_DIR/k3s" "$RIG_DIR/go/k3s" "text:$kube" "text:$containerd" "text:$runc")" \
    compose "$kube/kube" "$containerd"/* "$runc"/*
}

case $("$RIG_DIR/source.sh") in
  official) build_once k3s "$(input_key "$RIG_DIR"/k3s/{build,release}.sh text:official)" download_release ;;
  built) build_standin ;;
esac
