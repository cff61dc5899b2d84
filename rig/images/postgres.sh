# shellcheck shell=bash
# postgres.tar: PostgreSQL 18 with its contrib extensions, pgaudit and wal-g, laid out like the official image of that tag.
# Not like it: no entrypoint (ours refuses, so that nobody relies on one), locale C.UTF-8, no perl, no JIT.

POSTGRES_NAME=docker.io/library/postgres:18.6-trixie
POSTGRES_PACKAGES='base-files bash dash coreutils util-linux findutils grep sed gzip tar mawk hostname diffutils procps '
POSTGRES_PACKAGES+='openssl zstd xz-utils tzdata libc-bin postgresql-18 postgresql-client-18 postgresql-18-pgaudit'
# What Debian needs to install and administer a database server, and a container does not.
# Without the perl wrappers of postgresql-client-common, `psql` is the real one, as in the official image.
POSTGRES_LEFT_OUT='(perl|libperl|libjson-perl|libtext|debconf|libdebconf|ucf|adduser|sensible-utils|ssl-cert'
POSTGRES_LEFT_OUT+='|postgresql-common|postgresql-client-common|systemd|libsystemd-shared|sysvinit|login|passwd|base-passwd|netbase'
POSTGRES_LEFT_OUT+='|locales|libc-l10n|readline-common|openssl-provider|libc-gconv|libsemanage|libsepol|libsasl2-modules|libpam-modules|libpam-runtime|libbsd|libmd|libdb5|libgdbm).*'

make_postgres() {
  local out=$1 debs walg root=$1/root
  debs=$(debian_packages forky "$POSTGRES_PACKAGES" "$POSTGRES_LEFT_OUT")
  unpack_packages "$debs" "$root"
  ln -s mawk "$root/usr/bin/awk" # else made by a package script
  [[ -e $root/usr/bin/sh ]] || ln -s dash "$root/usr/bin/sh"
  add_user "$root" postgres 999 /var/lib/postgresql
  sed -i '/^postgres:/s,/bin/sh$,/bin/bash,' "$root/etc/passwd"
  add_name_lookup "$root"
  rm -rf "$root/var/run" "$root/var/lib/postgresql" "$root/run/postgresql"
  ln -s /run "$root/var/run"
  install -d -o 999 -g 999 -m 0755 "$root/var/lib/postgresql"
  install -d -o 999 -g 999 -m 3777 "$root/run/postgresql"
  install -d -m 1777 "$root/tmp"
  install -D -m 0755 "$RIG_DIR/images/refuse-entrypoint.sh" "$root/usr/local/bin/refuse-entrypoint.sh"
  walg=$(walg_programs)
  install -m 0755 "$walg/wal-g" "$walg/wal-g-real" "$root/usr/local/bin/"
  add_backup_functions "$root"
  "$OCIPACK" libs "$root"
  chroot "$root" /usr/lib/postgresql/18/bin/postgres --version >&2
  test -e "$root/usr/lib/postgresql/18/lib/pgaudit.so" -a -e "$root/usr/lib/postgresql/18/lib/amcheck.so"
  echo '{ "postgres": ["pgaudit", "walg"] }' >"$out/contents.json"
  record_packages "$out" postgres "$debs"
  postgres_spec "$debs" "$root" | pack_images "$out" postgres
  rm -rf "$root"
}

postgres_spec() {
  jq --null-input --arg name "$POSTGRES_NAME" --arg root "$2" --slurpfile packages "$1/packages.json" '[{
    name: $name, layers: [$root], config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/18/bin",
        "LANG=C.UTF-8", "PG_MAJOR=18", "PG_VERSION=\($packages[0]["postgresql-18"])", "PGDATA=/var/lib/postgresql/18/docker"],
      Entrypoint: ["/usr/local/bin/refuse-entrypoint.sh"], Cmd: ["postgres"],
      ExposedPorts: {"5432/tcp": {}}, Volumes: {"/var/lib/postgresql": {}}, StopSignal: "SIGINT"
    }}]'
}
