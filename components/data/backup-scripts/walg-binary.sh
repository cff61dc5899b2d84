#!/bin/sh
# Keeps wal-g on the volume. Equal to the pinned digest: nothing to do, no network needed. Else download, compare, put
# in place by one rename. An archive (.tar.gz) is kept as it is, and unpacked from the verified copy.
set -eu
umask 022
kept=$WALG_DIRECTORY/download

say() { printf 'wal-g: %s\n' "$1"; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

mkdir -p "$WALG_DIRECTORY"
if [ -f "$kept" ] && [ "$(digest "$kept")" = "$WALG_SHA256" ]; then
  say "the kept file has the pinned digest"
else
  say "downloading $WALG_URL"
  curl --fail --silent --show-error --location --proto =https --proto-redir =https --retry 5 --retry-connrefused --connect-timeout 20 --max-time 1800 \
    --output "$kept.new" "$WALG_URL"
  found=$(digest "$kept.new")
  if [ "$found" != "$WALG_SHA256" ]; then
    rm -f "$kept.new"
    say "refused: $WALG_URL has the digest $found, pinned is $WALG_SHA256 (data.backup.binary.sha256); nothing of it was run" >&2
    exit 1
  fi
  mv "$kept.new" "$kept"
fi

case $WALG_URL in
  *.tar.gz | *.tgz) tar -xzOf "$kept" >"$WALG_DIRECTORY/wal-g.new" ;;
  *) cp "$kept" "$WALG_DIRECTORY/wal-g.new" ;;
esac
chmod 0755 "$WALG_DIRECTORY/wal-g.new"
mv "$WALG_DIRECTORY/wal-g.new" "$WALG_DIRECTORY/wal-g"

# Public CAs, for a store that one of them signs for.
for bundle in "${CURL_CA_BUNDLE:-}" /etc/ssl/certs/ca-certificates.crt /cacert.pem; do
  if [ -s "$bundle" ]; then
    cp "$bundle" "$WALG_DIRECTORY/ca-certificates.crt.new"
    mv "$WALG_DIRECTORY/ca-certificates.crt.new" "$WALG_DIRECTORY/ca-certificates.crt"
    break
  fi
done
say "ready"
