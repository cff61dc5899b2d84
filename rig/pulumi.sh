#!/usr/bin/env bash
# Prints the directory that holds `pulumi` and `pulumi-language-nodejs`, made when missing.
#   official   the release tarball, its digest pinned below
#   built      the CLI as a Go tool, less what go/pulumi/without leaves out, and the last language host that is a
#              published Go module (sdk v3.68.0), which takes the options of Pulumi.yaml as flags where the CLI sends
#              them in a message by now
# Which of the two: rig/source.sh.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=rig/without.sh
. "$RIG_DIR/without.sh"

VERSION=3.255.0
RELEASE_URL="https://get.pulumi.com/releases/sdk/pulumi-v$VERSION-linux-x64.tar.gz"
RELEASE_SHA256=cf559568e2c32f7fae56ea3de8ae5fa48973ba8c5aa9dd2b3dc0c8898fe50dba

build_from_modules() {
  local out=$1 module
  module=$(without "$RIG_DIR/go/pulumi" "$out/module")
  log "compiling the Pulumi CLI $VERSION (about 2 to 3 minutes with empty caches)"
  (cd "$module" && CGO_ENABLED=0 go build -trimpath -o "$out/pulumi" \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$VERSION" \
    github.com/pulumi/pulumi/pkg/v3/cmd/pulumi)
  rm -rf "$out/module"
  log "compiling the Node language host"
  (cd "$RIG_DIR/go/langhost" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$out/language-host" \
    github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs)
  # Without the flag it would load the TypeScript compiler for nothing at each start.
  # shellcheck disable=SC2016 # expanded by the script that is written
  printf '#!/bin/sh\nexec "$(dirname "$0")/language-host" -typescript=false "$@"\n' >"$out/pulumi-language-nodejs"
  chmod 0755 "$out/pulumi-language-nodejs"
}

download_release() {
  local out=$1
  log "downloading the Pulumi release $VERSION"
  curl --proto '=https' --tlsv1.2 --fail --location --silent --show-error --retry 3 --max-time 600 \
    --output "$out/release.tar.gz" "$RELEASE_URL"
  printf '%s  %s\n' "$RELEASE_SHA256" "$out/release.tar.gz" | sha256sum --check --quiet ||
    die "the Pulumi release $VERSION does not have the pinned digest $RELEASE_SHA256; nothing of it was used"
  tar -xzf "$out/release.tar.gz" -C "$out" --strip-components=1
  rm "$out/release.tar.gz"
}

case $("$RIG_DIR/source.sh") in
  official) build_once pulumi "$(input_key "$RIG_DIR/pulumi.sh" text:official)" download_release ;;
  built) build_once pulumi "$(input_key "$RIG_DIR"/{pulumi,without}.sh "$RIG_DIR"/go/{pulumi,langhost} text:built)" build_from_modules ;;
esac
