# shellcheck shell=bash
# Official images: the catalogue's public ones by their digests from their registries, those of k3s from its
# release. Source after lib.sh. RIG_REGISTRY_MIRROR=HOST[:PORT] names a registry to ask in place of all others;
# the digests decide either way.
# shellcheck source=rig/k3s/release.sh
. "$RIG_DIR/k3s/release.sh"

CATALOGUE=$REPO_DIR/components/workload/images.ts
SYSTEM_ARCHIVE=k3s-airgap-images-amd64.tar.zst

# official_system: prints the directory of the images of k3s itself, as published.
official_system() {
  build_once images-system-archive "$(input_key "$RIG_DIR"/{images/official,k3s/release}.sh text:official)" fetch_system
}

# official_image NAME: prints the directory of the public image that the catalogue names, as published.
official_image() {
  local ref
  ref=$(catalogue_ref "$1")
  build_once "images-$1-archive" "$(input_key "$RIG_DIR"/images/{official.sh,ocipack} "text:$ref")" pull_image "$1" "$ref"
}

# catalogue_value NAME: what the catalogue's source says as `ref` of the entry NAME.
catalogue_value() {
  awk -v entry="$1" '$0 ~ "^  " entry ": \\{" { within = 1 }
    within && match($0, /ref: ("[^"]*"|undefined)/) { print substr($0, RSTART + 5, RLENGTH - 5); exit }
    within && /^  \},?$/ { exit }' "$CATALOGUE"
}

# is_pinned NAME: whether there is a public image of that name to pull.
is_pinned() {
  [[ $(catalogue_value "$1") != undefined ]]
}

# catalogue_ref NAME: the reference with digest that the product runs when no stack overrides it.
catalogue_ref() {
  local ref
  ref=$(catalogue_value "$1" | tr -d '"')
  [[ $ref =~ ^[a-z0-9.:/_-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}$ ]] ||
    die "no pinned public image for $1 in ${CATALOGUE#"$REPO_DIR/"}: found '$ref', want  $1: { ref: \"host/path:tag@sha256:...\", ... }"
  printf '%s\n' "$ref"
}

build_crane() {
  (cd "$RIG_DIR/go/crane" && CGO_ENABLED=0 nice go build -trimpath -ldflags "-s -w" -o "$1/crane" \
    github.com/google/go-containerregistry/cmd/crane)
}

# crane_program: prints the path of crane, built when missing.
crane_program() {
  local built
  built=$(build_once images-crane "$(input_key "$RIG_DIR/go/crane")" build_crane)
  printf '%s\n' "$built/crane"
}

# pull_image OUT ARCHIVE REF: writes OUT/ARCHIVE.tar with the registry's own bytes: the pinned document, which
# may be an index of many platforms, and the content for amd64.
pull_image() {
  local out=$1 archive=$2 ref=$3 layout=$1/layout digest=${3#*@} repository crane
  crane=$(crane_program)
  repository=${ref%:*@*}
  repository=${RIG_REGISTRY_MIRROR:-${ref%%/*}}/${repository#*/}
  log "pulling $ref${RIG_REGISTRY_MIRROR:+ from $RIG_REGISTRY_MIRROR}"
  "$crane" pull --platform linux/amd64 --format oci "$repository@$digest" "$layout"
  "$crane" manifest "$repository@$digest" >"$layout/blobs/sha256/${digest#sha256:}"
  "$OCIPACK" adopt "$out/$archive.tar" "$layout/blobs/sha256" "$ref"
  rm -rf "$layout"
  no_overrides "$out"
}

# no_overrides OUT: the catalogue already names these images, and no Debian packages were put in.
no_overrides() {
  tee "$1/digests.json" >"$1/packages.json" <<<'{}'
}

# The digest of this archive is not pinned here, because where the rig was developed the release could not be
# reached. So the release's own list of checksums decides, which comes over TLS from the same place: that finds
# damage, not a forger at the source. The list must at least name the binary's digest that is pinned.
fetch_system() {
  local out=$1 list=$1/checksums expected
  fetch_k3s_file sha256sum-amd64.txt "$list"
  [[ $(checksum_of k3s "$list") == "$K3S_SHA256" ]] ||
    die "the checksums of k3s $K3S_VERSION say '$(checksum_of k3s "$list")' of its binary, pinned is $K3S_SHA256; nothing of it was used"
  expected=$(checksum_of "$SYSTEM_ARCHIVE" "$list")
  [[ $expected =~ ^[0-9a-f]{64}$ ]] || die "the checksums of k3s $K3S_VERSION do not list $SYSTEM_ARCHIVE once: '$expected'"
  fetch_k3s_file "$SYSTEM_ARCHIVE" "$out/$SYSTEM_ARCHIVE"
  printf '%s  %s\n' "$expected" "$out/$SYSTEM_ARCHIVE" | sha256sum --check --quiet ||
    die "$SYSTEM_ARCHIVE of k3s $K3S_VERSION does not have the digest $expected of the release's checksums; nothing of it was used"
  rm "$list"
  no_overrides "$out"
}

# checksum_of NAME LIST: what LIST, as sha256sum writes it, says of the file NAME.
checksum_of() {
  awk -v name="$1" '$2 == name { print $1 }' "$2"
}
