# shellcheck shell=bash
# Helpers shared by the rig's scripts: messages, the cache of built things, keys of their inputs.
# Source it after `set -euo pipefail`:   . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# State held: directories below `rig_cache`, each complete or absent.

# Without this, `dir=$(build_once ...)` would run its function with errexit switched off.
shopt -s inherit_errexit

RIG_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO_DIR=$(dirname "$RIG_DIR")

# What Go programs are compiled with. No debugger reads them, and the tables for one cost an eighth of the compiling.
# The same for all: a package is compiled once for each set of flags.
export GOFLAGS="-buildvcs=false -gcflags=all=-dwarf=false"

# log TEXT...: one line on stderr, with the seconds since the script began.
log() {
  printf '[%4ds] %s: %s\n' "$SECONDS" "$(basename "$0" .sh)" "$*" >&2
}

# die TEXT...: says why and ends the script with status 1. Text: what is wrong, value seen, remedy.
die() {
  log "error: $*"
  exit 1
}

# rig_cache [PATH]: the absolute directory of built things, or a path in it. Creates nothing.
rig_cache() {
  local root=${RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/healthcare-platform}
  printf '%s%s\n' "$(realpath -m "$root")" "${1:+/$1}"
}

# input_key ITEM...: 16 hex digits over what a build depends on. A file or directory counts with the
# names and contents of its files; `text:ANYTHING` counts with that text (a version, an architecture).
# Paths inside the repository count relative to it, so that two checkouts share the cache.
input_key() {
  local item
  for item in "$@"; do
    [[ $item == text:* || -e $item ]] || die "input_key: no file or directory '$item'; write text:... for a plain value"
  done
  for item in "$@"; do
    if [[ $item == text:* ]]; then
      printf '%s\n' "$item"
    else
      find "$(realpath "$item")" -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum | sed "s|  $REPO_DIR/|  |"
    fi
  done | sha256sum | cut -c1-16
}

# build_once THING KEY FUNCTION [ARG...]: prints the directory <cache>/THING/KEY, built when missing.
# FUNCTION gets an empty directory as its first argument, then the ARGs; its stdout becomes stderr; any
# failing command in it ends the build. The directory appears under its name only when complete.
# Builds of the same key wait for each other (lock file beside the directory); other keys do not.
# Call it plainly or as `dir=$(build_once ...)`, never in a condition or before `||`: bash would ignore
# errexit in FUNCTION and keep a half-built directory, so build_once refuses that.
build_once() {
  local thing=$1 key=$2 function=$3 root result
  shift 3
  [[ $key =~ ^[A-Za-z0-9._-]+$ ]] || die "build_once $thing: key '$key' is not usable as a name; did input_key fail?"
  root=$(rig_cache "$thing")
  result=$root/$key
  if [[ ! -d $result ]]; then
    mkdir -p "$root"
    rig_build_locked "$root" "$key" "$function" "$@" >&2
  fi
  printf '%s\n' "$result"
}

# Takes the lock, builds into `.KEY.partial` and renames. Called by build_once only.
rig_build_locked() {
  local root=$1 key=$2 function=$3 partial=$1/.$2.partial started=$SECONDS lock status=0
  shift 3
  (false; exit 99) & wait "$!" || status=$?
  ((status != 99)) || die "build_once was called where bash ignores errexit; call it outside of if, && and ||"
  exec {lock}>"$root/.$key.lock"
  flock "$lock"
  if [[ -d $root/$key ]]; then # another process built it while we waited
    exec {lock}>&-
    return 0
  fi
  log "building $(basename "$root") ($key)"
  rm -rf --one-file-system "$partial"
  mkdir "$partial"
  # The lock is closed in there, so that nothing the function leaves running can hold it.
  (
    exec {lock}>&-
    set -euo pipefail
    "$function" "$partial" "$@"
  ) </dev/null &
  status=0
  wait "$!" || status=$?
  ((status == 0)) || die "building $(basename "$root") ($key) failed with status $status, see the messages above"
  mv "$partial" "$root/$key"
  log "built $(basename "$root") ($key) in $((SECONDS - started)) s"
  exec {lock}>&-
}

# debian_mirror: the archive of Debian's main packages that this machine's apt uses (RIG_DEBIAN_MIRROR sets another).
# Status 1 when apt names none.
debian_mirror() {
  if [[ -n ${RIG_DEBIAN_MIRROR:-} ]]; then
    printf '%s\n' "$RIG_DEBIAN_MIRROR"
    return
  fi
  # shellcheck disable=SC2016 # apt-get expands these
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk '!mirror && ($2 == "Debian" || $1 ~ "/debian/?$") { mirror = $1 } END { if (mirror) print mirror; exit !mirror }'
}
