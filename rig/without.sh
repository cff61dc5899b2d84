# shellcheck shell=bash
# Leaves out of a Go build what the rig never runs, above all the SDKs of clouds. Source it after lib.sh.

# without DIRECTORY TARGET: prints the Go module to build: DIRECTORY itself, or when it has a folder `without` a copy of it at TARGET
# in which each module named there is replaced by its patched self. A patch that does not fit exactly ends the build.
# The first line of `without/NAME.patch` says which module it is for: `Module: PATH`.
without() {
  local directory=$1 target=$2 patch module source copy
  if [[ ! -d $directory/without ]]; then
    printf '%s\n' "$directory"
    return
  fi
  cp -r "$directory" "$target"
  for patch in "$target"/without/*.patch; do
    module=$(sed -n '1s/^Module: //p' "$patch")
    [[ -n $module ]] || die "$patch: its first line is not 'Module: PATH'"
    source=$(cd "$target" && go mod download -json "$module" | jq --exit-status --raw-output .Dir)
    copy=${patch%.patch}
    cp -r "$source" "$copy"
    chmod -R u+w "$copy"
    # In a work tree git would leave out, without a word, what is not below its top.
    GIT_CEILING_DIRECTORIES=$(dirname "$copy") git -C "$copy" apply "$patch" ||
      die "$patch does not fit $module as $directory/go.mod pins it; make the patch anew"
    (cd "$target" && go mod edit -replace "$module=./without/$(basename "$copy")")
  done
  printf '%s\n' "$target"
}
