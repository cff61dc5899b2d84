# shellcheck shell=bash
# system.tar: what k3s brings along for its own pods, under the names that its manifests use.

make_system() {
  local out=$1 programs
  put_program "$out/pause/pause" pause addons/pause rig/addons/pause
  put_program "$out/coredns/coredns" coredns addons/coredns rig/addons/coredns
  put_program "$out/metrics/metrics-server" metrics-server addons/metrics-server sigs.k8s.io/metrics-server/cmd/metrics-server \
    '-X k8s.io/client-go/pkg/version.gitVersion=v0.9.0'
  put_program "$out/local-path/usr/bin/local-path-provisioner" local-path addons/local-path \
    github.com/rancher/local-path-provisioner '-X main.VERSION=v0.0.30'
  add_authorities "$out/metrics"
  empty_root "$out/busybox"
  add_busybox "$out/busybox"
  for programs in local-path coredns metrics; do install -d -m 1777 "$out/$programs/tmp"; done
  record_packages "$out" system "$(small_packages)" busybox-static ca-certificates
  system_spec "$out" | pack_images "$out" system
  rm -rf "$out"/{pause,coredns,metrics,local-path,busybox}
}

system_spec() {
  jq --null-input --arg out "$1" '
    def image($name; $root; $config): { name: $name, layers: ["\($out)/\($root)"],
      config: ({ Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], WorkingDir: "/" } + $config) };
    [
      image("docker.io/rancher/mirrored-pause:3.6"; "pause"; { User: "65535:65535", Entrypoint: ["/pause"] }),
      image("docker.io/rancher/mirrored-coredns-coredns:1.14.7"; "coredns"; { User: "65532:65532", Entrypoint: ["/coredns"] }),
      image("docker.io/rancher/mirrored-metrics-server:v0.9.0"; "metrics"; { User: "65534", Entrypoint: ["/metrics-server"] }),
      image("docker.io/rancher/local-path-provisioner:v0.0.30"; "local-path"; { Cmd: ["local-path-provisioner"] }),
      image("docker.io/rancher/mirrored-library-busybox:1.37.0"; "busybox"; { Cmd: ["sh"] })
    ]'
}
