#!/usr/bin/env bash
# Prints the directory with the image archives (OCI layouts, one per file below) and images.json: the
# reference with digest of every image by its name in the catalogue, those of k3s itself under "system",
# and the versions of the Debian packages in them under "packages".
# Runs as root. Needs go, npm, jq and apt with Debian's archive keyring.
#   build.sh [ARCHIVE...]   only these: system postgres traefik app app-next toolbox; default all
#   official   system comes from the k3s release, postgres and traefik from their registries under the catalogue's
#              digests; images.json then names only the others, which have no public image
#   built      all are made here, from Debian packages, Go modules and npm
# Which of the two: rig/source.sh.
# Each archive is kept under a key of its own inputs, so that a change to the sample app packs only app*.tar.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
HERE=$RIG_DIR/images
for part in debian programs postgres system traefik app toolbox official; do
  # shellcheck source=/dev/null
  . "$HERE/$part.sh"
done

# pack_images OUT ARCHIVE < SPEC: writes OUT/ARCHIVE.tar and OUT/digests.json. Each image carries the
# package versions of its archive, recorded before, as its label "packages".
pack_images() {
  jq --slurpfile packages "$1/packages.json" 'map(.config.Labels.packages = ($packages[0][] | tojson))' | "$OCIPACK" pack "$1/$2.tar" "$NAMES" >"$1/digests.json"
}

# record_packages OUT IMAGE DEBS [NAME...]: keeps the versions of the packages NAME, or of all, in OUT/packages.json.
record_packages() {
  local out=$1 image=$2 debs=$3
  shift 3
  jq --arg image "$image" '{ ($image): (if $ARGS.positional == [] then . else
    with_entries(select(.key as $name | $ARGS.positional | index($name))) end) }' \
    "$debs/packages.json" --args "$@" >"$out/packages.json"
}

compile_packer() {
  (cd "$HERE/ocipack" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$1/ocipack" .)
}

# archive_inputs ARCHIVE: the files that its content depends on, one per line.
archive_inputs() {
  local common=("$HERE/debian.sh" "$HERE/ocipack")
  case $1 in
    system) printf '%s\n' "${common[@]}" "$HERE"/{programs,system}.sh "$RIG_DIR/go/addons" ;;
    postgres) printf '%s\n' "${common[@]}" "$HERE/postgres.sh" "$HERE/refuse-entrypoint.sh" ;;
    traefik) printf '%s\n' "${common[@]}" "$HERE"/{programs,traefik}.sh "$RIG_DIR/go/traefik" ;;
    app | app-next)
      printf "%s\n" "${common[@]}" "$HERE/app.sh" "$RIG_DIR/toolchain/package-lock.json" \
        "$RIG_DIR"/sample-app/{package.json,package-lock.json,dist,migrations,next}
      ;;
    toolbox) printf '%s\n' "${common[@]}" "$HERE/toolbox.sh" ;;
    *) die "no archive '$1'; there are: system postgres traefik app app-next toolbox" ;;
  esac
}

# collect OUT DIRECTORY...: links the archives of the directories into OUT and merges what they say of themselves.
collect() {
  local out=$1
  shift
  local directory
  for directory in "$@"; do
    find "$directory" -name '*.tar*' -exec ln -t "$out" {} +
  done
  jq --slurp 'add | [to_entries[] | { name: .key, ref: "\(.key)@\(.value)" }] | map(
      { "docker.io/library/postgres": ["postgres"], "docker.io/library/traefik": ["traefik"],
        "registry.local.test/sample-app:1.0.0": ["app"], "registry.local.test/sample-app:1.1.0": ["appNext"],
        "registry.local.test/sample-app:broken": ["appBroken"], "registry.local.test/toolbox": ["toolbox"],
        "docker.io/rancher/mirrored-pause": ["system", "pause"],
        "docker.io/rancher/mirrored-coredns-coredns": ["system", "coredns"],
        "docker.io/rancher/mirrored-metrics-server": ["system", "metricsServer"],
        "docker.io/rancher/local-path-provisioner": ["system", "localPathProvisioner"],
        "docker.io/rancher/mirrored-library-busybox": ["system", "busybox"] } as $catalogue
      | .path = ($catalogue[.name] // $catalogue[.name | sub(":[^:]*$"; "")] // error("no catalogue name for \(.name)"))
    ) | reduce .[] as $image ({}; setpath($image.path; $image.ref))' "${@/%//digests.json}" >"$out/refs.json"
  jq --slurp --slurpfile refs "$out/refs.json" '$refs[0] + { packages: add }' "${@/%//packages.json}" >"$out/images.json"
  rm "$out/refs.json"
}

main() {
  local archive key inputs packer source directories=()
  ((EUID == 0)) || die "user id is $EUID: run it as root, because files in images keep the owners they are given"
  (($# > 0)) || set -- system postgres traefik app app-next toolbox
  packer=$(build_once images-ocipack "$(input_key "$HERE/ocipack")" compile_packer)
  OCIPACK=$packer/ocipack
  source=$("$RIG_DIR/source.sh")
  # k3s names what it imports by digest too, and fails on archives that already do; the stand-in does not.
  case $source in official) NAMES=tag ;; built) NAMES=both ;; esac
  for archive in "$@"; do
    if [[ $source == official && $archive =~ ^(system|postgres|traefik)$ ]]; then
      directories+=("$(official_archive "$archive")")
      continue
    fi
    mapfile -t inputs < <(archive_inputs "$archive")
    key=$(input_key "text:$archive $NAMES" "${inputs[@]}")
    directories+=("$(build_once "images-$archive-archive" "$key" "make_${archive//-/_}")")
  done
  build_once images "$(input_key "$HERE/build.sh" "text:${directories[*]}")" collect "${directories[@]}"
}

main "$@"
