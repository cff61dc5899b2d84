# shellcheck shell=bash
# exporters.tar: what turns the state of others into metrics. One layer with libc below all; no shell in any of them,
# stricter than some of the real images. Users and paths as the public images have them.

KUBE_STATE_METRICS=v2.20.0 # as in go/kube-state-metrics

make_exporters() {
  local out=$1 debs
  debs=$(monitoring_packages)
  debian_root "$debs" "$out/base" libc6
  unpack_packages "$debs" "$out/all" prometheus-{postgres,pgbouncer,redis,node}-exporter
  take_program "$out" postgres prometheus-postgres-exporter bin/postgres_exporter
  take_program "$out" pgbouncer prometheus-pgbouncer-exporter bin/pgbouncer_exporter
  take_program "$out" redis prometheus-redis-exporter redis_exporter
  take_program "$out" node prometheus-node-exporter bin/node_exporter
  put_program "$out/kube-state/kube-state-metrics" kube-state-metrics kube-state-metrics k8s.io/kube-state-metrics/v2 \
    "-X github.com/prometheus/common/version.Version=$KUBE_STATE_METRICS"
  record_packages "$out" exporters "$debs" libc6 prometheus-{postgres,pgbouncer,redis,node}-exporter
  exporters_spec "$debs" "$out" | pack_images "$out" exporters
  rm -rf "$out"/{base,all,postgres,pgbouncer,redis,node,kube-state}
}

# take_program OUT LAYER NAME PATH: Debian's program NAME as PATH of the layer OUT/LAYER, tried on OUT/base.
# /bin is a link into /usr below it, and a layer must not replace that.
take_program() {
  local out=$1 layer=$1/$2 name=$3 path=$4
  install -D -m 0755 "$out/all/usr/bin/$name" "$layer/${path/#bin\//usr/bin/}"
  merge_layers "$layer.merged" "$out/base" "$layer"
  "$OCIPACK" libs "$layer.merged"
  chroot "$layer.merged" "/$path" --version >&2
  rm -rf "$layer.merged"
}

exporters_spec() {
  jq --null-input --arg out "$2" --arg kube "$KUBE_STATE_METRICS" --arg node "$(upstream_version "$1" prometheus-node-exporter)" \
    --arg postgres "$(upstream_version "$1" prometheus-postgres-exporter)" --arg redis "$(upstream_version "$1" prometheus-redis-exporter)" \
    --arg pgbouncer "$(upstream_version "$1" prometheus-pgbouncer-exporter)" '
    def image($name; $layer; $program; $user; $port): { name: $name, layers: ["\($out)/base", "\($out)/\($layer)"],
      config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], WorkingDir: "/", User: $user,
        Entrypoint: [$program], ExposedPorts: {"\($port)/tcp": {}} } };
    [
      image("quay.io/prometheuscommunity/postgres-exporter:v\($postgres)"; "postgres"; "/bin/postgres_exporter"; "nobody"; 9187),
      image("docker.io/prometheuscommunity/pgbouncer-exporter:v\($pgbouncer)"; "pgbouncer"; "/bin/pgbouncer_exporter"; "nobody"; 9127),
      image("docker.io/oliver006/redis_exporter:v\($redis)"; "redis"; "/redis_exporter"; "59000:59000"; 9121),
      image("docker.io/prom/node-exporter:v\($node)"; "node"; "/bin/node_exporter"; "nobody"; 9100),
      image("registry.k8s.io/kube-state-metrics/kube-state-metrics:\($kube)"; "kube-state"; "/kube-state-metrics"; "nobody"; 8080)
      | if .name | contains("kube-state") then .layers |= .[1:] | .config.User = "65534" else . end
    ]'
}
