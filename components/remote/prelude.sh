# Shared by every script. Nothing here prints a value that could be a secret.

changed=0
drifted=()

log() { printf '[%s] %s\n' "$PHASE" "$*"; }

# die CODE TEXT: one exit code per cause, see script.ts.
die() {
  local code=$1
  shift
  printf '[%s] error: %s\n' "$PHASE" "$*" >&2
  exit "$code"
}

probing() { [ "$MODE" = probe ]; }

drift() {
  drifted+=("$1")
  log "differs: $1"
}

report_drift() {
  if probing && [ "${#drifted[@]}" -gt 0 ]; then exit 2; fi
}

# Checks collect what is wrong, so that all of it comes out in one go.
problems=()
problem() { problems+=("$*"); }

tell_problems() { # CODE
  local text
  if [ "${#problems[@]}" -eq 0 ]; then return 0; fi
  printf '[%s] %s problem(s), nothing was changed:\n' "$PHASE" "${#problems[@]}" >&2
  for text in "${problems[@]}"; do printf '  - %s\n' "$text" >&2; done
  exit "$1"
}

# Other runs of this stack wait here. Children inherit the lock on purpose: while one of them still works, so does the run.
take_lock() {
  exec 9>"/run/lock/$PREFIX.lock"
  flock -n 9 && return 0
  log "waiting for another run to release /run/lock/$PREFIX.lock"
  flock -w 300 9 || die 11 "another run has held /run/lock/$PREFIX.lock for 300 s; wait for it, or end it on the host, then run again"
}

# Called with a path before it changes. A phase that must remember that it is between two states redefines it.
before_change() { :; }

mode_of() { stat -c %a -- "$1" 2>/dev/null || true; }

same_file() { # NEW PATH MODE
  [ -f "$2" ] && [ ! -L "$2" ] && [ "$(mode_of "$2")" = "$3" ] && cmp -s -- "$1" "$2"
}

# install_file PATH MODE <content: atomic, durable, and only when something differs. The temporary name is fixed, so what
# a killed run left behind is overwritten by the next one.
install_file() {
  local path=$1 mode=$2 new
  if probing; then
    same_file - "$path" "$mode" || drift "$path"
    return 0
  fi
  new="${path%/*}/.${path##*/}.new"
  mkdir -p -- "${path%/*}"
  rm -f -- "$new"
  (umask 077 && cat >"$new")
  if same_file "$new" "$path" "$mode"; then
    rm -f -- "$new"
    return 0
  fi
  before_change "$path"
  chmod -- "$mode" "$new"
  sync -- "$new"
  mv -fT -- "$new" "$path"
  sync -- "${path%/*}"
  changed=$((changed + 1))
  log "wrote $path"
}

remove_file() { # PATH
  [ -e "$1" ] || [ -L "$1" ] || return 0
  if probing; then
    drift "$1 (should not exist)"
    return 0
  fi
  before_change "$1"
  rm -f -- "$1"
  changed=$((changed + 1))
  log "removed $1"
}

ensure_dir() { # PATH MODE [OWNER]
  local path=$1 mode=$2 owner=${3:-}
  if [ -d "$path" ] && [ "$(mode_of "$path")" = "$mode" ] &&
    { [ -z "$owner" ] || [ "$(stat -c %U -- "$path")" = "$owner" ]; }; then return 0; fi
  if probing; then
    drift "$path"
    return 0
  fi
  mkdir -p -- "$path"
  chmod -- "$mode" "$path"
  [ -z "$owner" ] || chown -- "$owner" "$path"
  log "directory $path"
}

# ensure CODE WHAT CHECK APPLY: runs APPLY only when CHECK fails, then CHECK must hold.
ensure() {
  local code=$1 what=$2 check=$3 apply=$4
  if "$check"; then return 0; fi
  if probing; then
    drift "$what"
    return 0
  fi
  log "$what"
  "$apply"
  "$check" || die "$code" "$what: still not so after it was done"
}

# wait_for SECONDS WHAT COMMAND...: true as soon as COMMAND is, false after the deadline. Each attempt is bounded by the
# command itself.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2 told=$((SECONDS - 60))
  shift 2
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
    if [ "$((SECONDS - told))" -ge 15 ]; then
      log "waiting for $what"
      told=$SECONDS
    fi
    sleep 1
  done
}
