# One line per thing that we own on the host, sorted: what it is now. Prints no content, only hashes.

describe() { # PATH
  if [ -L "$1" ]; then
    printf '%s link %s\n' "$1" "$(readlink -- "$1")"
  elif [ -f "$1" ]; then
    printf '%s file %s %s\n' "$1" "$(stat -c '%a %U' -- "$1")" "$(sha256sum <"$1" | cut -d ' ' -f 1)"
  elif [ -d "$1" ]; then
    printf '%s directory %s\n' "$1" "$(stat -c '%a %U' -- "$1")"
  else
    printf '%s absent\n' "$1"
  fi
}

describe_all() {
  local path unit
  for path in "${PATHS[@]}"; do describe "$path"; done
  # Trees that are wholly ours: what is left over in them counts too.
  for path in "${TREES[@]}"; do
    if [ -d "$path" ]; then find "$path" -print0 | while IFS= read -r -d '' entry; do describe "$entry"; done; fi
  done
  find /usr/local/bin -maxdepth 1 \( -name 'k3s*' -o -name '.k3s*' \) -print0 | while IFS= read -r -d '' entry; do describe "$entry"; done
  for path in "${LEFTOVERS[@]}" /var/lib/rancher/k3s/agent/.image.new; do
    if [ -e "$path" ]; then printf '%s leftover\n' "$path"; fi
  done
  for unit in "${UNITS[@]}"; do
    printf '%s unit %s %s\n' "$unit" "$(systemctl is-enabled "$unit" 2>/dev/null || true)" "$(systemctl is-active "$unit" 2>/dev/null || true)"
  done
  printf 'hostname %s\n' "$(cat /proc/sys/kernel/hostname)"
}

print_fingerprint() { describe_all | LC_ALL=C sort -u; }
