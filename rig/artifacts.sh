#!/usr/bin/env bash
# Prints the air-gap artifacts directory of the `local` stack: the k3s binary, the image archives and the
# manifest.json that lists their digests. The product uploads and verifies it like any other.
#   artifacts.sh [ARCHIVE...]   the archives to take (see images/build.sh); default all
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=rig/k3s/release.sh
. "$RIG_DIR/k3s/release.sh"

# entry FILE KIND: one element of the manifest's list.
entry() {
  printf '{"name":"%s","kind":"%s","sha256":"%s","sizeBytes":%s}' \
    "$(basename "$1")" "$2" "$(sha256sum "$1" | cut -d' ' -f1)" "$(stat --format=%s "$1")"
}

assemble() {
  local out=$1 k3s=$2 images=$3 archive list
  cp --link "$k3s/k3s" "$out/k3s" 2>/dev/null || cp "$k3s/k3s" "$out/k3s"
  list=$(entry "$out/k3s" binary)
  for archive in "$images"/*.tar "$images"/*.tar.zst; do
    [[ -e $archive ]] || continue # a pattern without a match stands for itself
    cp --link "$archive" "$out/" 2>/dev/null || cp "$archive" "$out/"
    list+=,$(entry "$archive" images)
  done
  printf '{"k3sVersion":"%s","architecture":"amd64","files":[%s]}\n' "$K3S_VERSION" "$list" >"$out/manifest.json"
}

"$RIG_DIR/host/host.sh" tools # before the builds: on a fresh machine nothing of it is there
k3s=$("$RIG_DIR/k3s/build.sh")
images=$("$RIG_DIR/images/build.sh" "$@")
build_once artifacts "$(input_key "$RIG_DIR/artifacts.sh" "text:$k3s" "text:$images")" assemble "$k3s" "$images"
