/** Where k3s and we keep things on the host. */
export const paths = {
  binary: "/usr/local/bin/k3s",
  config: "/etc/rancher/k3s/config.yaml",
  registries: "/etc/rancher/k3s/registries.yaml",
  /** Read in the order of names, after k3s' own. */
  kubelet: "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/50-platform.conf",
  kubeconfig: "/etc/rancher/k3s/k3s.yaml",
  unit: "/etc/systemd/system/k3s.service",
  data: "/var/lib/rancher/k3s",
  admission: "/var/lib/rancher/k3s/server/psa.yaml",
  auditPolicy: "/var/lib/rancher/k3s/server/audit.yaml",
  logs: "/var/lib/rancher/k3s/server/logs",
  images: "/var/lib/rancher/k3s/agent/images",
} as const;
