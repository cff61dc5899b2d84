# shellcheck shell=bash
# curl.tar: curl laid out like curlimages/curl: user curl_user (100:101), a shell, the usual authorities. No entrypoint (ours refuses).

CURL_PACKAGES=(libc6 curl libcurl4t64 libbrotli1 libidn2-0 libnghttp2-14 libnghttp3-9 libngtcp2-16 libngtcp2-crypto-ossl0
  libpsl5t64 libssh2-1t64 libunistring5 libssl3t64 libldap2 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3
  libkrb5support0 libkeyutils1 libcom-err2 libzstd1 zlib1g)

make_curl() {
  local out=$1 debs root=$1/root
  debs=$(service_packages)
  debian_root "$debs" "$root" "${CURL_PACKAGES[@]}"
  add_busybox "$root"
  add_authorities "$root"
  add_user "$root" curl_user 100 /home/curl_user
  sed -i -E 's/^(curl_user:x:100:)100/\1101/' "$root/etc/passwd"
  sed -i -E 's/^(curl_user:x:)100/\1101/' "$root/etc/group"
  install -d -o 100 -g 101 "$root/home/curl_user"
  cp "$root/etc/ssl/certs/ca-certificates.crt" "$root/cacert.pem"
  install -m 0755 "$RIG_DIR/images/refuse-entrypoint.sh" "$root/entrypoint.sh"
  "$OCIPACK" libs "$root"
  chroot "$root" curl --version >&2
  record_packages "$out" curl "$debs" "${CURL_PACKAGES[@]}"
  jq --null-input --arg root "$root" --arg version "$(upstream_version "$debs" curl)" '[{
    name: "docker.io/curlimages/curl:\($version)", layers: [$root], config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CURL_CA_BUNDLE=/cacert.pem"],
      User: "curl_user", WorkingDir: "/home/curl_user", Entrypoint: ["/entrypoint.sh"], Cmd: ["curl"] } }]' | pack_images "$out" curl
  rm -rf "$root"
}
