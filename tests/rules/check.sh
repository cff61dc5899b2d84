#!/usr/bin/env bash
# Do Prometheus and Alertmanager accept what we configure them with, and does every alert fire and keep silent as its
# tests say? Prints one `ok` or `not ok` line per check. Needs node and apt (rig/promtool.sh fetches the tools).
# Changes: build/ of this checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$(rig/promtool.sh):$PATH
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0

# check NAME COMMAND...: the command succeeds.
check() {
  local name=$1
  shift
  if "$@" >"$out/said" 2>&1; then
    echo "ok $name"
  else
    echo "not ok $name"
    sed 's/^/# /' "$out/said"
    failed=1
  fi
}

node tests/rules/render.ts build
check "promtool: alert rules load" promtool check rules --lint=all --lint-fatal build/rules.yaml
check "promtool: prometheus.yaml loads" promtool check config --syntax-only build/prometheus.yaml
for file in build/alertmanager-*.yaml; do
  check "amtool: $(basename "$file") loads" amtool check-config "$file"
done
for file in tests/rules/*.yaml; do
  check "promtool: $(basename "$file")" promtool test rules "$file"
done

# The tests must be able to fail: a rule that never fires.
mkdir -p "$out/tests/rules" "$out/build"
cp tests/rules/postgres.yaml "$out/tests/rules/"
sed 's/(pg_up) == 0/(pg_up) == 7/' build/rules.yaml >"$out/build/rules.yaml"
if promtool test rules "$out/tests/rules/postgres.yaml" >/dev/null 2>&1; then
  echo "not ok a broken rule fails its test"
  failed=1
else
  echo "ok a broken rule fails its test"
fi
exit "$failed"
