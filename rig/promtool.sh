#!/usr/bin/env bash
# Prints the directory with promtool and amtool, fetched when missing: Debian's, of the versions in the images.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
for part in debian forky exporters monitoring; do
  # shellcheck source=/dev/null
  . "$RIG_DIR/images/$part.sh"
done
monitoring_tools
