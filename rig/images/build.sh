#!/usr/bin/env bash
# Prints the directory with the image archives (OCI layouts, one per file below) and images.json: the
# reference with digest of every image by its name in the catalogue, those of k3s itself under "system",
# the versions of the Debian packages in them under "packages", and under "contents" what an image carries
# beside its program.
# Runs as root. Needs go, npm, jq and apt with Debian's archive keyring.
#   build.sh [ARCHIVE...]   only these: system postgres pgbouncer cache traefik app app-next toolbox exporters
#                           monitoring curl; default all. postgres-full is postgres as made here from either source.
#   official   system comes from the k3s release, public images from their registries under the catalogue's digests;
#              images.json then names only the others: those without a public image, and those for which the
#              catalogue pins no digest, which are made here all the same
#   built      all are made here, from Debian packages, Go modules and npm
# Which of the two: rig/source.sh.
# Each archive is kept under a key of its own inputs, so that a change to the sample app packs only app*.tar.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
HERE=$RIG_DIR/images
ARCHIVES=(system postgres pgbouncer cache traefik app app-next toolbox exporters monitoring curl)
for part in debian forky programs walg postgres pgbouncer cache exporters monitoring curl system traefik app toolbox official; do
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
  (cd "$HERE/ocipack" && CGO_ENABLED=0 go build -trimpath -o "$1/ocipack" .)
}

# archive_inputs ARCHIVE: the files that its content depends on, one per line.
archive_inputs() {
  local common=("$HERE/debian.sh" "$HERE/ocipack")
  local forky=("${common[@]}" "$HERE/forky.sh" "$HERE/refuse-entrypoint.sh")
  case $1 in
    system) printf '%s\n' "${common[@]}" "$HERE"/{programs,system}.sh "$RIG_DIR/go/addons" ;;
    postgres) printf '%s\n' "${common[@]}" "$HERE"/{postgres,refuse-entrypoint,walg,walg-shim}.sh "$RIG_DIR/go/walg" ;;
    pgbouncer | curl) printf '%s\n' "${forky[@]}" "$HERE/$1.sh" ;;
    cache) printf '%s\n' "${forky[@]}" "$HERE"/{programs,cache,dragonfly-entrypoint}.sh "$RIG_DIR/go/dragonfly" ;;
    exporters) printf '%s\n' "${forky[@]}" "$HERE"/{programs,exporters}.sh "$RIG_DIR/go/kube-state-metrics" ;;
    monitoring) printf '%s\n' "${forky[@]}" "$HERE"/{exporters,monitoring}.sh ;;
    traefik) printf '%s\n' "${common[@]}" "$HERE"/{programs,traefik}.sh "$RIG_DIR/without.sh" "$RIG_DIR/go/traefik" ;;
    app | app-next)
      printf "%s\n" "${common[@]}" "$HERE/app.sh" "$RIG_DIR/toolchain/package-lock.json" \
        "$RIG_DIR"/sample-app/{package.json,package-lock.json,dist,migrations,next}
      ;;
    toolbox) printf '%s\n' "${common[@]}" "$HERE/toolbox.sh" ;;
    *) die "no archive '$1'; there are: ${ARCHIVES[*]}" ;;
  esac
}

# catalogue_names ARCHIVE: the public images in it, by their names in the product's catalogue.
catalogue_names() {
  case $1 in
    postgres | pgbouncer | traefik | curl) echo "$1" ;;
    cache) printf '%s\n' redis dragonfly ;;
    exporters) printf '%s\n' postgresExporter pgbouncerExporter redisExporter nodeExporter kubeStateMetrics ;;
    monitoring) printf '%s\n' prometheus alertmanager ;;
  esac
}

# collect OUT PINNED DIRECTORY...: links the archives of the directories into OUT and merges what they say of
# themselves. PINNED are names (words) that the catalogue's own digests decide, so that nothing overrides them.
collect() {
  local out=$1 pinned=$2
  shift 2
  local directory
  for directory in "$@"; do
    find "$directory" -name '*.tar*' -exec ln -t "$out" {} +
  done
  jq --slurp --arg pinned "$pinned" 'add | [to_entries[] | { name: .key, ref: "\(.key)@\(.value)" }] | map(
      { "docker.io/library/postgres": ["postgres"], "docker.io/library/traefik": ["traefik"],
        "docker.io/edoburu/pgbouncer": ["pgbouncer"], "docker.io/valkey/valkey": ["redis"],
        "docker.dragonflydb.io/dragonflydb/dragonfly": ["dragonfly"], "docker.io/curlimages/curl": ["curl"],
        "docker.io/prom/prometheus": ["prometheus"], "docker.io/prom/alertmanager": ["alertmanager"],
        "quay.io/prometheuscommunity/postgres-exporter": ["postgresExporter"],
        "docker.io/prometheuscommunity/pgbouncer-exporter": ["pgbouncerExporter"],
        "docker.io/oliver006/redis_exporter": ["redisExporter"], "docker.io/prom/node-exporter": ["nodeExporter"],
        "registry.k8s.io/kube-state-metrics/kube-state-metrics": ["kubeStateMetrics"],
        "registry.local.test/sample-app:1.0.0": ["app"], "registry.local.test/sample-app:1.1.0": ["appNext"],
        "registry.local.test/sample-app:broken": ["appBroken"], "registry.local.test/toolbox": ["toolbox"],
        "docker.io/rancher/mirrored-pause": ["system", "pause"],
        "docker.io/rancher/mirrored-coredns-coredns": ["system", "coredns"],
        "docker.io/rancher/mirrored-metrics-server": ["system", "metricsServer"],
        "docker.io/rancher/local-path-provisioner": ["system", "localPathProvisioner"],
        "docker.io/rancher/mirrored-library-busybox": ["system", "busybox"] } as $catalogue
      | .path = ($catalogue[.name] // $catalogue[.name | sub(":[^:]*$"; "")] // error("no catalogue name for \(.name)"))
    ) | reduce .[] as $image ({}; setpath($image.path; $image.ref)) | delpaths($pinned | split(" ") | map([.]))' \
    "${@/%//digests.json}" >"$out/refs.json"
  jq --slurp --slurpfile refs "$out/refs.json" '$refs[0] + { packages: add }' "${@/%//packages.json}" >"$out/all.json"
  find "$@" -name contents.json -print0 | xargs -0r cat | jq --slurp --slurpfile all "$out/all.json" \
    '$all[0] + { contents: (add // {}) }' >"$out/images.json"
  rm "$out"/{refs,all}.json
}

# built_archive ARCHIVE: prints the directory of the archive, made here.
built_archive() {
  local inputs key archive=${1%-full}
  mapfile -t inputs < <(archive_inputs "$archive")
  key=$(input_key "text:$archive $NAMES" "${inputs[@]}")
  build_once "images-$archive-archive" "$key" "make_${archive//-/_}"
}

main() {
  local archive packer source name names missing pinned=() directories=()
  ((EUID == 0)) || die "user id is $EUID: run it as root, because files in images keep the owners they are given"
  (($# > 0)) || set -- "${ARCHIVES[@]}"
  packer=$(build_once images-ocipack "$(input_key "$HERE/ocipack")" compile_packer)
  OCIPACK=$packer/ocipack
  source=$("$RIG_DIR/source.sh")
  # k3s names what it imports by digest too, and fails on archives that already do; the stand-in does not.
  case $source in official) NAMES=tag ;; built) NAMES=both ;; esac
  for archive in "$@"; do
    missing=yes
    if [[ $source == official ]]; then
      mapfile -t names < <(catalogue_names "$archive")
      missing=''
      for name in "${names[@]}"; do
        if is_pinned "$name"; then
          directories+=("$(official_image "$name")")
          pinned+=("$name")
        else
          log "the catalogue pins no public image for $name: it is made here"
          missing=yes
        fi
      done
      case $archive in
        system) directories+=("$(official_system)") ;;
        app | app-next | toolbox | postgres-full) missing=yes ;;
      esac
    fi
    [[ -z $missing ]] || directories+=("$(built_archive "$archive")")
  done
  build_once images "$(input_key "$HERE/build.sh" "text:${pinned[*]} ${directories[*]}")" collect "${pinned[*]}" "${directories[@]}"
}

main "$@"
