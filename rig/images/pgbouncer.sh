# shellcheck shell=bash
# pgbouncer.tar: PgBouncer with psql, laid out like edoburu/pgbouncer: user postgres (70:70), /usr/bin/pgbouncer, a shell.
# Not like it: glibc, no entrypoint that writes a configuration (ours refuses).

PGBOUNCER_PACKAGES=(libc6 pgbouncer postgresql-client-18 libpq5 libevent-2.1-7t64 libcares2 libssl3t64 libldap2 libsasl2-2
  libpam0g libaudit1 libcap-ng0 libsystemd0 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1
  libcom-err2 libreadline8t64 libtinfo6 liblz4-1 libxxhash0 libzstd1 zlib1g)

make_pgbouncer() {
  local out=$1 debs root=$1/root
  debs=$(service_packages)
  debian_root "$debs" "$root" "${PGBOUNCER_PACKAGES[@]}"
  add_busybox "$root"
  add_user "$root" postgres 70 /var/lib/postgresql
  rm -rf "$root"/usr/share/pgbouncer "$root"/etc/pgbouncer
  mv "$root/usr/sbin/pgbouncer" "$root/usr/bin/pgbouncer"
  for program in psql pg_isready; do
    ln -s "../lib/postgresql/18/bin/$program" "$root/usr/bin/$program"
  done
  install -d -o 70 -g 70 -m 0755 "$root"/etc/pgbouncer "$root"/var/log/pgbouncer "$root"/run/pgbouncer
  install -m 0755 "$RIG_DIR/images/refuse-entrypoint.sh" "$root/entrypoint.sh"
  "$OCIPACK" libs "$root"
  chroot "$root" /usr/bin/pgbouncer --version >&2
  chroot "$root" /usr/bin/psql --version >&2
  record_packages "$out" pgbouncer "$debs" "${PGBOUNCER_PACKAGES[@]}"
  jq --null-input --arg root "$root" --arg version "$(upstream_version "$debs" pgbouncer)" '[{
    name: "docker.io/edoburu/pgbouncer:v\($version)", layers: [$root], config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
      User: "postgres", Entrypoint: ["/entrypoint.sh"], Cmd: ["/usr/bin/pgbouncer", "/etc/pgbouncer/pgbouncer.ini"],
      ExposedPorts: {"5432/tcp": {}} } }]' | pack_images "$out" pgbouncer
  rm -rf "$root"
}
