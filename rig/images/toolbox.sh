# shellcheck shell=bash
# toolbox.tar: a client for tests that try connections from inside the cluster: busybox and openssl.

make_toolbox() {
  local out=$1 root=$1/root
  unpack_packages "$(small_packages)" "$root" libc6 libssl3t64 libzstd1 zlib1g openssl
  add_busybox "$root"
  add_authorities "$root"
  add_user "$root" nobody 65534 /nonexistent
  add_name_lookup "$root"
  install -d -m 1777 "$root/tmp"
  "$OCIPACK" libs "$root"
  record_packages "$out" toolbox "$(small_packages)" busybox-static openssl libc6 ca-certificates
  jq --null-input --arg root "$root" '[{ name: "registry.local.test/toolbox:1.0.0", layers: [$root], config: {
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SSL_CERT_DIR=/etc/ssl/certs"],
    User: "65534:65534", WorkingDir: "/", Cmd: ["sh"] } }]' | pack_images "$out" toolbox
  rm -rf "$root"
}
