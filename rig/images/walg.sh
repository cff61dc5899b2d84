# shellcheck shell=bash
# WAL-G for the database's image: the one version that resolves as a Go module, and a shim that gives it the
# interface of the version that the product pins (walg-shim.sh). Source after debian.sh.

# walg_programs: prints the directory with `wal-g` (the shim) and `wal-g-real`.
walg_programs() {
  build_once images-walg "$(input_key "$RIG_DIR/images"/{walg,walg-shim}.sh "$RIG_DIR/go/walg" "text:$(declare -f fetch_packages make_apt)")" make_walg
}

# cgo, for libsodium, which is linked in. Its archive comes from the oldest Debian that the rig runs on: what is
# linked against an older libc runs with a newer one, not the other way round.
make_walg() {
  local out=$1 sodium=$1/sodium debs
  debs=$(debian_packages bookworm libsodium-dev '(libc|libgcc|gcc|libsodium23|linux-libc|libcrypt).*')
  dpkg-deb --extract "$debs"/libsodium-dev_*.deb "$sodium"
  mkdir "$sodium/lib"
  mv "$sodium/usr/lib/x86_64-linux-gnu/libsodium.a" "$sodium/lib/" # alone, so that nothing else can be linked
  (cd "$RIG_DIR/go/walg" && CGO_ENABLED=1 CGO_CFLAGS=-I$sodium/usr/include CGO_LDFLAGS=-L$sodium/lib GOOS=linux GOARCH=amd64 \
    nice -n 5 go build -p 2 -trimpath -tags libsodium \
    -ldflags "-s -w -X github.com/wal-g/wal-g/cmd/pg.walgVersion=v1.1.3-rc" -o "$out/wal-g-real" github.com/wal-g/wal-g/main/pg)
  rm -rf "$sodium"
  install -m 0755 "$RIG_DIR/images/walg-shim.sh" "$out/wal-g"
}

# add_backup_functions ROOT: the names that backups had before PostgreSQL 15 and that the old WAL-G calls. initdb runs
# this file, so every database has them. Its statements end with a semicolon before an empty line.
add_backup_functions() {
  cat >>"$1/usr/share/postgresql/18/system_functions.sql" <<'SQL'

CREATE FUNCTION pg_start_backup(label text, fast boolean DEFAULT false, exclusive boolean DEFAULT true)
  RETURNS pg_lsn LANGUAGE sql AS $$ SELECT pg_backup_start(label, fast) $$;

CREATE FUNCTION pg_stop_backup(exclusive boolean, wait_for_archive boolean DEFAULT true,
    OUT lsn pg_lsn, OUT labelfile text, OUT spcmapfile text)
  RETURNS record LANGUAGE sql AS $$
    SELECT s.lsn, s.labelfile, s.spcmapfile FROM pg_backup_stop(wait_for_archive) AS s $$;
SQL
}
