# The k3s binary, and images for hosts without the Internet. Every digest is checked before the first file is placed.

readonly BINARY="$K3S-$VERSION"
readonly IMAGES=/var/lib/rancher/k3s/agent/images

digest_of() { sha256sum <"$1" | cut -d ' ' -f 1; }
has_digest() { [ -f "$1" ] && [ "$(digest_of "$1")" = "$2" ]; }

device_of() { stat -c %d -- "$1"; }

# place SOURCE TARGET MODE SHA256: one rename, because archives are large, and because a run that is killed must find the
# file either where it was uploaded or where it belongs. Across file systems it is a checked copy, and the source stays.
place() {
  local source=$1 target=$2 mode=$3 new
  if [ "$(device_of "$source")" != "$(device_of "${target%/*}")" ]; then
    new="${target%/*}/.${target##*/}.new"
    cp -fT -- "$source" "$new"
    has_digest "$new" "$4" || die 31 "the copy of $source at $new is damaged; check the disk"
    source=$new
  fi
  [ "$(stat -c %u -- "$source")" = 0 ] || chown root:root "$source"
  chmod "$mode" "$source"
  sync -- "$source"
  mv -fT -- "$source" "$target"
  rm -f -- "${target%/*}/.${target##*/}.new"
  log "placed $target"
}

place_binary() { # SOURCE SHA256
  mkdir -p "${BINARY%/*}"
  before_change "$BINARY"
  place "$1" "$BINARY" 755 "$2"
}

binary_is_right() { has_digest "$BINARY" "$1" && [ "$(mode_of "$BINARY")" = 755 ]; }

from_release() {
  local file="$STATE_DIR/k3s.download"
  if binary_is_right "$SHA256"; then return 0; fi
  if probing; then
    drift "$BINARY"
    return 0
  fi
  log "downloading k3s $VERSION"
  curl --proto '=https' --tlsv1.2 --fail --location --silent --show-error --retry 5 --connect-timeout 20 --max-time 900 \
    --max-filesize 314572800 --output "$file" "$URL" || die 31 "cannot download $URL; let the host reach it, or use cluster.artifacts.source: directory"
  if ! has_digest "$file" "$SHA256"; then
    rm -f -- "$file"
    die 31 "cluster.version: the downloaded k3s $VERSION does not have the pinned SHA-256 $SHA256; nothing was changed"
  fi
  place_binary "$file" "$SHA256"
  rm -f -- "$file"
}

# The manifest with the pinned digest: uploaded now, or kept from the run that placed its files.
find_manifest() {
  local file
  while IFS= read -r -d '' file; do
    if has_digest "$file" "$MANIFEST_SHA256"; then
      printf '%s\n' "$file"
      return 0
    fi
  done < <(find "$STATE_DIR/manifest.json" "$STATE_DIR/upload" -maxdepth 3 -name manifest.json -type f -print0 2>/dev/null)
  die 31 "cluster.artifacts.manifestSha256: no uploaded manifest.json has the SHA-256 $MANIFEST_SHA256; correct the pin, or raise host.generation to upload again"
}

field() { sed -nE "s/.*\"$1\" *: *\"([^\"]*)\".*/\1/p" <<<"$2"; }

names=() kinds=() sums=()

# The manifest is trusted once its digest is right; names are checked all the same, they become paths.
read_manifest() { # FILE
  local text entry name
  text=$(tr -d '\n' <"$1")
  [ "$(field k3sVersion "${text%%\"files\"*}")" = "$VERSION" ] || die 31 "cluster.version: $VERSION is set, the artifacts are for \"$(field k3sVersion "${text%%\"files\"*}")\""
  [ "$(field architecture "${text%%\"files\"*}")" = "$ARCHITECTURE" ] || die 31 "cluster.architecture: $ARCHITECTURE is set, the artifacts are for \"$(field architecture "${text%%\"files\"*}")\""
  while IFS= read -r entry; do
    name=$(field name "$entry")
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die 31 "manifest.json: \"$name\" is not a file name"
    [[ $(field sha256 "$entry") =~ ^[0-9a-f]{64}$ ]] || die 31 "manifest.json: $name has no SHA-256"
    names+=("$name") kinds+=("$(field kind "$entry")") sums+=("$(field sha256 "$entry")")
  done < <(grep -oE '\{[^{}]*"name"[^{}]*\}' <<<"${text#*\"files\"}")
  case " ${kinds[*]} " in *' binary '*) ;; *) die 31 "manifest.json: no file of kind \"binary\"" ;; esac
}

target_of() { # INDEX
  case ${kinds[$1]} in
    binary) printf '%s\n' "$BINARY" ;;
    images) printf '%s/%s\n' "$IMAGES" "${names[$1]}" ;;
    *) die 31 "manifest.json: ${names[$1]} is of kind \"${kinds[$1]}\"; known are binary and images" ;;
  esac
}

uploaded() { # NAME SHA256
  local file
  while IFS= read -r -d '' file; do
    if has_digest "$file" "$2"; then
      printf '%s\n' "$file"
      return 0
    fi
  done < <(find "$STATE_DIR/upload" -maxdepth 3 -name "$1" -type f -print0)
  die 31 "artifact $1: neither in place nor uploaded with the SHA-256 of the manifest, $2; nothing was changed. Build the directory again, or raise host.generation to upload again"
}

from_directory() {
  local manifest i target sources=()
  manifest=$(find_manifest)
  read_manifest "$manifest"
  for i in "${!names[@]}"; do
    target=$(target_of "$i")
    sources[i]=''
    if has_digest "$target" "${sums[$i]}"; then continue; fi
    if probing; then
      drift "$target"
      continue
    fi
    sources[i]=$(uploaded "${names[$i]}" "${sums[$i]}")
  done
  if probing; then return 0; fi
  mkdir -p /var/lib/rancher/k3s/agent
  ensure_dir "$IMAGES" 700
  install_file "$STATE_DIR/manifest.json" 644 <"$manifest"
  for i in "${!names[@]}"; do
    if [ -z "${sources[$i]}" ]; then continue; fi
    case ${kinds[$i]} in
      binary) place_binary "${sources[$i]}" "${sums[$i]}" ;;
      images) place "${sources[$i]}" "$(target_of "$i")" 600 "${sums[$i]}" ;;
    esac
  done
  find "$STATE_DIR/upload" -mindepth 1 -delete
}

# Archives that an earlier manifest brought and this one does not: k3s would import them at each start.
forget_old_images() {
  local name list="$STATE_DIR/images.list"
  if probing || [ "$SOURCE" != directory ]; then return 0; fi
  if [ -f "$list" ]; then
    while IFS= read -r name; do
      case " ${names[*]} " in *" $name "*) ;; *) rm -f -- "$IMAGES/$name" ;; esac
    done <"$list"
  fi
  install_file "$list" 600 < <(printf '%s\n' "${names[@]}")
}

place_artifacts() {
  case $SOURCE in
    release) from_release ;;
    directory) from_directory ;;
  esac
}
