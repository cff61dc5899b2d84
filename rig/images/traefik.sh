# shellcheck shell=bash
# traefik.tar: Traefik from its Go module. Without the dashboard's files, which are not in the module.

make_traefik() {
  local out=$1 root=$1/root
  empty_root "$root"
  put_program "$root/usr/local/bin/traefik" traefik traefik github.com/traefik/traefik/v3/cmd/traefik \
    '-X github.com/traefik/traefik/v3/pkg/version.Version=3.7.9'
  add_user "$root" traefik 65532 /nonexistent
  add_authorities "$root"
  record_packages "$out" traefik "$(small_packages)" ca-certificates
  jq --null-input --arg root "$root" '[{ name: "docker.io/library/traefik:v3.7.9", layers: [$root], config: {
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    User: "65532:65532", WorkingDir: "/", Entrypoint: ["traefik"], ExposedPorts: {"8000/tcp": {}, "8443/tcp": {}} } }]' |
    pack_images "$out" traefik
  rm -rf "$root"
}
