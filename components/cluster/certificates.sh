#!/bin/bash
# Restarts k3s when a leaf certificate expires within 120 days: only a restart renews it, and only then. Pods keep running.
set -euo pipefail

readonly DAYS=120

expiring() {
  local file
  # Certificate authorities live for ten years and are not renewed by a restart.
  find /var/lib/rancher/k3s/server/tls /var/lib/rancher/k3s/agent -maxdepth 2 -name '*.crt' ! -name '*-ca*.crt' -print0 |
    while IFS= read -r -d '' file; do
      openssl x509 -noout -checkend "$((DAYS * 86400))" -in "$file" >/dev/null || printf '%s\n' "$file"
    done
}

api_answers() { [ "$(timeout 10 /usr/local/bin/k3s kubectl get --raw=/readyz 2>/dev/null || true)" = ok ]; }

files=$(expiring)
if [ -z "$files" ]; then
  echo "no certificate of k3s expires within $DAYS days"
  exit 0
fi
echo "restarting k3s to renew:"
echo "$files"
systemctl restart k3s
for _ in $(seq 120); do
  if api_answers; then break; fi
  sleep 5
done
api_answers || { echo "k3s does not answer 600 s after its restart; see: journalctl -u k3s" >&2; exit 1; }
files=$(expiring)
if [ -n "$files" ]; then
  printf 'still about to expire after a restart of k3s:\n%s\n' "$files" >&2
  exit 1
fi
echo "certificates are renewed"
