#!/usr/bin/env bash
# Tests where official images come from, without the Internet: a registry on 127.0.0.1 that holds the images
# built here, and a `curl` that hands out a k3s release. Prints TAP and counts; status 1 if anything failed.
# Runs as root. About 30 seconds once the images and containerd are in the cache.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=rig/images/official.sh
. "$RIG_DIR/images/official.sh"

CONTAINERD=$("$RIG_DIR/k3s/containerd.sh")
BUILT=$(RIG_SOURCE=built "$RIG_DIR/images/build.sh" postgres traefik cache)
# Made here in official mode too; in the cache of the copy below they are links, behind which npm installs nothing.
RIG_SOURCE=official "$RIG_DIR/images/build.sh" app app-next toolbox >/dev/null
CRANE=$(crane_program)
SCRATCH=$(mktemp -d "$(rig_cache)/test-official.XXXXXX") # in the cache: archives are linked, not copied
COPY=$SCRATCH/checkout
passed=0 failed=0 pids=()

cleanup() {
  ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf --one-file-system "$SCRATCH"
}
trap cleanup EXIT

crane() { "$CRANE" "$@"; }

# check TITLE COMMAND...: the command's output is shown only when it fails.
check() {
  local title=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok $((passed + failed)) - $title"
  else
    failed=$((failed + 1))
    echo "not ok $((passed + failed)) - $title"
    printf '%s\n' "${output:-no output}" | sed 's/^/# /'
  fi
}

# says TEXT COMMAND...: the command fails and its message has TEXT.
says() {
  local text=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "it succeeded: $output"
    return 1
  fi
  [[ $output == *"$text"* ]] || { echo "want '$text' in: $output" && return 1; }
}

# start_registry: an empty registry on a free port, its address in REGISTRY.
start_registry() {
  local line said=$SCRATCH/registry
  mkfifo "$said"
  "$CRANE" registry serve --address 127.0.0.1:0 2>"$said" &
  pids+=("$!")
  exec {registry_log}<"$said"
  read -r -t 20 line <&"$registry_log" || die "the registry did not start"
  [[ $line =~ port\ ([0-9]+) ]] || die "the registry said '$line', not its port"
  REGISTRY=127.0.0.1:${BASH_REMATCH[1]}
}

# push NAME [ARCHIVE]: the image built here, the first of the archive, as NAME:amd64.
push() {
  local layout=$SCRATCH/layout
  mkdir "$layout"
  tar -xf "$BUILT/${2:-$1}.tar" -C "$layout"
  jq '.manifests |= [.[0] | del(.annotations)]' "$layout/index.json" >"$layout/one.json"
  mv "$layout/one.json" "$layout/index.json"
  crane push "$layout" "$REGISTRY/library/$1:amd64" &>/dev/null
  rm -rf "$layout"
}

# fill_registry: traefik as one manifest; postgres as an index like the public one, with another platform and an attestation.
fill_registry() {
  local postgres=$REGISTRY/library/postgres
  push traefik
  push postgres
  push valkey cache
  crane mutate "$postgres:amd64" --set-platform linux/arm64 --tag "$postgres:arm64" &>/dev/null
  crane mutate "$postgres:amd64" --set-platform unknown/unknown --tag "$postgres:attestation" &>/dev/null
  crane index append --manifest "$postgres:arm64" --manifest "$postgres:amd64" --manifest "$postgres:attestation" --tag "$postgres:index" &>/dev/null
  POSTGRES=docker.io/library/postgres:18.6-trixie@$(crane digest "$postgres:index")
  TRAEFIK=docker.io/library/traefik:v3.7.13@$(crane digest "$REGISTRY/library/traefik:amd64")
  VALKEY=docker.io/library/valkey:9.0.3-alpine@$(crane digest "$REGISTRY/library/valkey:amd64")
}

# make_checkout: a copy of the rig whose catalogue has the registry's digests, and a cache of its own that
# shares only what is made here in either mode.
make_checkout() {
  local shared
  mkdir -p "$COPY/components/workload" "$SCRATCH/cache" "$SCRATCH/bin" "$SCRATCH/release" "$SCRATCH/k3s"
  tar -C "$REPO_DIR" --exclude=node_modules -c rig | tar -C "$COPY" -x
  # One archive holds both of these caches: of one the catalogue pins an image, of the other it does not.
  sed -E "s|\"docker.io/library/postgres:[^\"]*\"|\"$POSTGRES\"|; s|\"docker.io/library/traefik:[^\"]*\"|\"$TRAEFIK\"|
    s|\"docker.io/valkey/valkey:[^\"]*\"|\"$VALKEY\"|; s|\"docker.dragonflydb.io/[^\"]*\"|undefined|" \
    "$CATALOGUE" >"$COPY/components/workload/images.ts"
  for shared in "$(rig_cache)"/images-*; do
    [[ $shared =~ -(system|postgres|traefik)-archive$ ]] || ln -s "$shared" "$SCRATCH/cache/"
  done
  printf '#!/bin/sh\necho %s\n' "$SCRATCH/k3s" >"$COPY/rig/k3s/build.sh" # the binary is not this test's matter
  echo k3s >"$SCRATCH/k3s/k3s"
}

# make_release: a k3s release as small files, and the `curl` that fetches from it.
make_release() {
  echo 'images of k3s' >"$SCRATCH/release/$SYSTEM_ARCHIVE"
  write_checksums "$K3S_SHA256"
  cat >"$SCRATCH/bin/curl" <<CURL
#!/usr/bin/env bash
while ((\$# > 1)); do [[ \$1 != --output ]] || to=\$2; shift; done
cp "$SCRATCH/release/\${1##*/}" "\$to"
CURL
  chmod +x "$SCRATCH/bin/curl"
}

# write_checksums DIGEST_OF_K3S
write_checksums() {
  { echo "$1  k3s" && (cd "$SCRATCH/release" && sha256sum "$SYSTEM_ARCHIVE"); } >"$SCRATCH/release/sha256sum-amd64.txt"
}

# official SCRIPT ARGUMENT...: a script of the copied rig, in official mode.
official() {
  local script=$1
  shift
  PATH=$SCRATCH/bin:$PATH RIG_SOURCE=official RIG_REGISTRY_MIRROR=$REGISTRY RIG_CACHE=$SCRATCH/cache "$COPY/rig/$script" "$@"
}

# keeps ARCHIVE REF: the archive lists REF's digest under its tag, with the registry's bytes and media type.
keeps() {
  local archive=$1 ref=$2 digest=${2#*@} repository blob
  repository=${ref%:*@*} blob=blobs/sha256/${digest#sha256:}
  crane manifest "$REGISTRY/${repository#*/}@$digest" | cmp - <(tar -xOf "$archive" "$blob") || return 1
  tar -xOf "$archive" index.json | jq --exit-status --arg digest "$digest" --arg name "${ref%@*}" \
    --arg type "$(tar -xOf "$archive" "$blob" | jq -r .mediaType)" \
    '.manifests | map([.annotations["io.containerd.image.name"], .digest, .mediaType]) == [[$name, $digest, $type]]'
}

# every_name_has_a_tag DIRECTORY: k3s fails on an archive that names an image by its digest alone.
every_name_has_a_tag() {
  local archive
  for archive in "$1"/*.tar; do
    tar -xOf "$archive" index.json | jq --exit-status \
      'all(.manifests[]; .annotations["io.containerd.image.name"] | test("^[^@]+:[^/@]+$"))' || return 1
  done
}

# lacks ARCHIVE TAG: the archive does not hold the manifest that the registry has under postgres:TAG.
lacks() {
  local digest
  digest=$(crane digest "$REGISTRY/library/postgres:$2") || return 1
  ! tar -tf "$1" "blobs/sha256/${digest#sha256:}" 2>/dev/null
}

# holds_images MANIFEST NAME...: the manifest lists NAMEs as images, with their digests.
holds_images() {
  local manifest=$1 name
  shift
  for name in "$@"; do
    jq --exit-status --arg name "$name" --arg sum "$(sha256sum "$(dirname "$manifest")/$name" | cut -d' ' -f1)" \
      'any(.files[]; .name == $name and .kind == "images" and .sha256 == $sum)' "$manifest" || return 1
  done
}

# await_containerd: until it answers, for at most 20 seconds.
await_containerd() {
  local deadline=$((SECONDS + 20))
  until ctr version >/dev/null 2>&1; do
    ((SECONDS < deadline)) || die "containerd did not start: $(tail -n 3 "$SCRATCH/containerd/log")"
  done
}

start_containerd() {
  local dir=$SCRATCH/containerd
  mkdir "$dir"
  printf 'version = 3\nroot = "%s/root"\nstate = "%s/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "%s/sock"\n[ttrpc]\n  address = "%s/ttrpc"\n' \
    "$dir" "$dir" "$dir" "$dir" >"$dir/config.toml"
  "$CONTAINERD/containerd" --config "$dir/config.toml" >"$dir/log" 2>&1 &
  pids+=("$!")
  await_containerd
}

ctr() { "$CONTAINERD/ctr" --address "$SCRATCH/containerd/sock" --namespace k8s.io "$@"; }

# imported REF ARCHIVE: containerd imports the archive and, named by digest as k3s does after an import, both
# names lead to the pinned document, complete for this platform and unpacked.
imported() {
  local ref=$1 digest=${1#*@} name
  ctr images import "$2" || return 1
  ctr images tag "${ref%@*}" "${ref%:*@*}@$digest" || return 1
  for name in "${ref%@*}" "${ref%:*@*}@$digest"; do
    ctr images check "name==$name" | awk -v name="$name" -v digest="$digest" \
      '$1 == name && $3 == digest && $4 == "complete" && $NF == "true" { found = 1 } { print } END { exit !found }' || return 1
  done
}

start_registry
fill_registry
make_checkout
make_release

ARCHIVES=(system postgres cache traefik app app-next toolbox)
check 'every archive is made in official mode, and k3s gets them' official artifacts.sh "${ARCHIVES[@]}"
IMAGES=$(official images/build.sh "${ARCHIVES[@]}")
check 'postgres.tar keeps the index that the catalogue pins' keeps "$IMAGES/postgres.tar" "$POSTGRES"
check 'traefik.tar keeps the manifest that the catalogue pins' keeps "$IMAGES/traefik.tar" "$TRAEFIK"
check 'every archive names its images as k3s wants it' every_name_has_a_tag "$IMAGES"
check 'nothing of another platform was pulled' lacks "$IMAGES/postgres.tar" arm64
check 'the attestation was not pulled' lacks "$IMAGES/postgres.tar" attestation
check 'redis.tar keeps the manifest that the catalogue pins' keeps "$IMAGES/redis.tar" "$VALKEY"
check 'images.json overrides nothing that the catalogue has' jq --exit-status \
  '[to_entries[] | select(.value | type == "string") | .key] | sort == ["app", "appBroken", "appNext", "dragonfly", "toolbox"]' "$IMAGES/images.json"
check 'nothing is said of what an official image carries' jq --exit-status '.contents == {}' "$IMAGES/images.json"
check 'the artifacts list them all as images' holds_images "$(official artifacts.sh "${ARCHIVES[@]}")/manifest.json" \
  postgres.tar redis.tar cache.tar traefik.tar app.tar app-next.tar toolbox.tar "$SYSTEM_ARCHIVE"

start_containerd
check 'containerd finds the index of postgres' imported "$POSTGRES" "$IMAGES/postgres.tar"
check 'containerd finds the manifest of traefik' imported "$TRAEFIK" "$IMAGES/traefik.tar"

rm -rf "$SCRATCH"/cache/images-system-archive
write_checksums "$(printf '0%.0s' {1..64})"
check 'a release whose checksums disagree with the pinned binary is refused' says "pinned is $K3S_SHA256" official images/build.sh system
write_checksums "$K3S_SHA256"
echo damage >>"$SCRATCH/release/$SYSTEM_ARCHIVE"
check 'a damaged download is refused' says 'does not have the digest' official images/build.sh system
sed -i -E "s|(traefik:[^@]*@sha256:).{8}|\100000000|" "$COPY/components/workload/images.ts"
check 'a digest that the registry does not have is refused' says MANIFEST_UNKNOWN official images/build.sh traefik
sed -i -E 's|(postgres:[^@"]*)@[^"]*|\1|' "$COPY/components/workload/images.ts"
check 'a catalogue entry without digest is refused' says 'no pinned public image for postgres' official images/build.sh postgres

echo "1..$((passed + failed))"
echo "# $passed passed, $failed failed"
((failed == 0))
