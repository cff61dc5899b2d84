# shellcheck shell=bash
# monitoring.tar: Prometheus and Alertmanager, with a shell as in their public images (busybox), without promtool and
# amtool, which are for people and tests: `rig/promtool.sh` prints where those are.

make_monitoring() {
  local out=$1 debs
  debs=$(monitoring_packages)
  debian_root "$debs" "$out/base" libc6 tzdata
  add_busybox "$out/base"
  add_authorities "$out/base"
  unpack_packages "$debs" "$out/all" prometheus prometheus-alertmanager
  take_program "$out" prometheus prometheus bin/prometheus
  take_program "$out" alertmanager prometheus-alertmanager bin/alertmanager
  # Upstream carries its templates inside the program, Debian beside it.
  install -D -m 0644 -t "$out/alertmanager/usr/share/prometheus/alertmanager" "$out"/all/usr/share/prometheus/alertmanager/*.tmpl
  for program in prometheus alertmanager; do
    install -d -o 65534 -g 65534 -m 0755 "$out/$program/$program" "$out/$program/etc/$program"
  done
  record_packages "$out" monitoring "$debs" libc6 tzdata prometheus prometheus-alertmanager
  monitoring_spec "$debs" "$out" | pack_images "$out" monitoring
  rm -rf "$out"/{base,all,prometheus,alertmanager}
}

monitoring_spec() {
  jq --null-input --arg out "$2" --arg prometheus "$(upstream_version "$1" prometheus)" \
    --arg alertmanager "$(upstream_version "$1" prometheus-alertmanager)" '
    def image($name; $version; $port; $storage): { name: "docker.io/prom/\($name):v\($version)", layers: ["\($out)/base", "\($out)/\($name)"],
      config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], WorkingDir: "/\($name)", User: "nobody",
        Entrypoint: ["/bin/\($name)"], Cmd: ["--config.file=/etc/\($name)/\($name).yml", "--storage.\($storage)=/\($name)"],
        Volumes: {"/\($name)": {}}, ExposedPorts: {"\($port)/tcp": {}} } };
    [image("prometheus"; $prometheus; 9090; "tsdb.path"), image("alertmanager"; $alertmanager; 9093; "path")]'
}

# monitoring_tools: prints the directory with promtool and amtool; they run with Debian 12's libc and newer ones.
monitoring_tools() {
  build_once monitoring-tools "$(input_key "text:$(declare -f make_monitoring_tools monitoring_packages)")" make_monitoring_tools
}

make_monitoring_tools() {
  local out=$1 debs
  debs=$(monitoring_packages)
  unpack_packages "$debs" "$out/all" promtool prometheus-alertmanager
  cp "$out"/all/usr/bin/{promtool,amtool} "$out/"
  "$out/promtool" --version
  "$out/amtool" --version
  rm -rf "$out/all"
}
