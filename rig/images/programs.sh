# shellcheck shell=bash
# Static Go programs for images. Each version is pinned by the go.mod of its directory below rig/go.
# shellcheck source=rig/without.sh
. "$RIG_DIR/without.sh"

# go_program NAME DIRECTORY PACKAGE [LDFLAGS]: prints the directory with the static program NAME, built
# from PACKAGE in the Go module DIRECTORY (below rig/go), which pins its version.
go_program() {
  build_once "images-$1" "$(input_key "$RIG_DIR/go/$2" "text:$* $(declare -f compile_program without)")" compile_program "$@"
}

# Two compilers at a time and a low priority: the machine also runs the tests.
compile_program() {
  local out=$1 name=$2 directory=$3 package=$4 ldflags=${5:-} module
  module=$(without "$RIG_DIR/go/$directory" "$out/module")
  (cd "$module" && CGO_ENABLED=0 GOOS=linux GOARCH=amd64 nice -n 5 \
    go build -p 2 -trimpath -ldflags "-s -w $ldflags" -o "$out/$name" "$package")
  rm -rf "$out/module"
}

# put_program PATH NAME DIRECTORY PACKAGE [LDFLAGS]: builds the program when needed and copies it to PATH.
put_program() {
  local path=$1 built
  shift
  built=$(go_program "$@")
  install -D -m 0755 "$built/$1" "$path"
}
