# shellcheck shell=bash
# cache.tar: Valkey laid out like valkey/valkey (Alpine): user valkey (999:1000), its programs in /usr/local/bin with
# the redis-* links that Valkey's own install makes, a shell, no entrypoint (ours refuses). And the stand-in for
# Dragonfly, which is Valkey behind go/dragonfly, laid out like Dragonfly's image: user dfly (999:999), no Redis client.

CACHE_PACKAGES=(libc6 valkey-server valkey-tools libjemalloc2 liblzf1 libssl3t64 libstdc++6 libgcc-s1 libsystemd0 libatomic1 libzstd1 zlib1g)

make_cache() {
  local out=$1 debs base=$1/base redis=$1/redis dragonfly=$1/dragonfly
  debs=$(service_packages)
  debian_root "$debs" "$base" "${CACHE_PACKAGES[@]}"
  add_busybox "$base"
  rm -rf "$base/etc/valkey"
  make_valkey_layer "$base" "$redis"
  make_dragonfly_layer "$base" "$redis" "$dragonfly"
  check_cache "$base" "$redis" "$dragonfly"
  record_packages "$out" cache "$debs" "${CACHE_PACKAGES[@]}"
  cache_spec "$debs" "$out" | pack_images "$out" cache
  rm -rf "$base" "$redis" "$dragonfly"
}

# make_valkey_layer BASE LAYER: moves Valkey's programs from BASE into LAYER.
make_valkey_layer() {
  local base=$1 layer=$2 bin=$2/usr/local/bin program
  install -d "$bin"
  # In Debian valkey-server is a link to valkey-check-rdb; in Valkey's image all are links to valkey-server.
  mv "$(realpath "$base/usr/bin/valkey-server")" "$layer/valkey-server"
  mv "$base/usr/bin/valkey-cli" "$bin/"
  rm "$base"/usr/bin/valkey-*
  mv "$layer/valkey-server" "$bin/"
  for program in check-aof check-rdb sentinel; do ln -s valkey-server "$bin/valkey-$program"; done
  for program in server cli check-aof check-rdb sentinel; do ln -s "valkey-$program" "$bin/redis-$program"; done
  install -d -o 999 -g 1000 -m 0755 "$layer/data" "$layer/run/valkey"
  install -m 0755 "$RIG_DIR/images/refuse-entrypoint.sh" "$bin/docker-entrypoint.sh"
  install -D -m 0644 "$base/etc/passwd" "$layer/etc/passwd"
  install -D -m 0644 "$base/etc/group" "$layer/etc/group"
  echo 'valkey:x:999:1000:valkey:/data:/bin/sh' >>"$layer/etc/passwd"
  echo 'valkey:x:1000:' >>"$layer/etc/group"
}

# make_dragonfly_layer BASE VALKEY LAYER: without programs named after Redis, because Dragonfly's image has none to rely on.
make_dragonfly_layer() {
  local base=$1 valkey=$2 layer=$3
  put_program "$layer/usr/local/bin/dragonfly" dragonfly dragonfly .
  install -D -m 0755 "$valkey/usr/local/bin/valkey-server" "$layer/usr/local/lib/stand-in/valkey-server"
  install -m 0755 "$RIG_DIR/images/dragonfly-entrypoint.sh" "$layer/usr/local/bin/entrypoint.sh"
  install -d -o 999 -g 999 -m 0755 "$layer/data"
  install -D -m 0644 "$base/etc/passwd" "$layer/etc/passwd"
  install -D -m 0644 "$base/etc/group" "$layer/etc/group"
  add_user "$layer" dfly 999 /data
}

check_cache() {
  local base=$1 redis=$2 dragonfly=$3 root
  for root in "$redis" "$dragonfly"; do
    merge_layers "$root.merged" "$base" "$root"
    "$OCIPACK" libs "$root.merged"
  done
  chroot "$redis.merged" redis-server --version >&2
  chroot "$redis.merged" redis-cli --version >&2
  chroot "$dragonfly.merged" /usr/local/lib/stand-in/valkey-server --version >&2
  rm -rf "$redis.merged" "$dragonfly.merged"
}

cache_spec() {
  jq --null-input --arg out "$2" --arg valkey "$(upstream_version "$1" valkey-server)" '
    { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], WorkingDir: "/data",
      Volumes: {"/data": {}}, ExposedPorts: {"6379/tcp": {}} } as $common | [
      { name: "docker.io/valkey/valkey:\($valkey)", layers: ["\($out)/base", "\($out)/redis"], config: ($common +
        { Entrypoint: ["docker-entrypoint.sh"], Cmd: ["valkey-server"] }) },
      { name: "docker.dragonflydb.io/dragonflydb/dragonfly:v1.40.1-valkey\($valkey)", layers: ["\($out)/base", "\($out)/dragonfly"],
        config: ($common + { Entrypoint: ["entrypoint.sh"], Cmd: ["dragonfly", "--logtostderr"] }) }
    ]'
}
