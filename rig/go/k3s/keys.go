package main

// kind is how a config key takes its value.
type kind int

const (
	boolean kind = iota
	text
	list
	// unimplemented keys exist in k3s but not here: naming one is an error, so
	// that a passing run means that every setting was honoured.
	unimplemented
)

// keys are the server settings of k3s, by long flag name.
var keys = map[string]kind{
	"token": text, "token-file": text, "agent-token": text, "data-dir": text,
	"cluster-init": boolean, "node-name": text, "node-ip": list, "node-label": list,
	"tls-san": list, "tls-san-security": boolean,
	"write-kubeconfig": text, "write-kubeconfig-mode": text,
	"disable": list, "secrets-encryption": boolean, "secrets-encryption-provider": text,
	"protect-kernel-defaults": boolean, "flannel-backend": text,
	"default-local-storage-path": text, "etcd-expose-metrics": boolean,
	"etcd-snapshot-schedule-cron": text, "etcd-snapshot-retention": text,
	"cluster-cidr": text, "service-cidr": text,
	"kube-apiserver-arg": list, "kube-controller-manager-arg": list, "kube-scheduler-arg": list,
	"kubelet-arg": list, "kube-proxy-arg": list, "etcd-arg": list,
	"private-registry": text, "disable-default-registry-endpoint": boolean, "prefer-bundled-bin": boolean,
}

// commaLists are split at commas; component arguments may contain commas.
var commaLists = map[string]bool{"disable": true, "tls-san": true, "node-ip": true}

// otherKeys are known to k3s but not implemented here.
var otherKeys = []string{
	"agent-token-file", "advertise-address", "advertise-port", "airgap-extra-registry", "alsologtostderr",
	"bind-address", "cluster-dns", "cluster-domain", "cluster-reset", "cluster-reset-restore-path",
	"container-runtime-endpoint", "datastore-cafile", "datastore-certfile", "datastore-endpoint",
	"datastore-keyfile", "debug", "default-runtime", "disable-agent", "disable-apiserver",
	"disable-cloud-controller", "disable-controller-manager", "disable-etcd", "disable-helm-controller",
	"disable-kube-proxy", "disable-network-policy", "disable-scheduler", "docker", "egress-selector-mode",
	"embedded-registry", "enable-pprof", "etcd-disable-snapshots", "etcd-s3", "etcd-s3-access-key",
	"etcd-s3-bucket", "etcd-s3-bucket-lookup-type", "etcd-s3-config-secret", "etcd-s3-endpoint",
	"etcd-s3-endpoint-ca", "etcd-s3-folder", "etcd-s3-insecure", "etcd-s3-proxy", "etcd-s3-region",
	"etcd-s3-retention", "etcd-s3-secret-key", "etcd-s3-skip-ssl-verify", "etcd-s3-timeout",
	"etcd-snapshot-compress", "etcd-snapshot-dir", "etcd-snapshot-name", "flannel-cni-conf", "flannel-conf",
	"flannel-external-ip", "flannel-iface", "flannel-ipv6-masq", "helm-job-image", "https-listen-port",
	"image-credential-provider-bin-dir", "image-credential-provider-config", "image-service-endpoint",
	"kube-cloud-controller-arg", "kube-cloud-controller-manager-arg", "kube-controller-arg", "lb-server-port",
	"log", "node-external-dns", "node-external-ip", "node-internal-dns", "node-taint", "nonroot-devices",
	"pause-image", "resolv-conf", "rootless", "selinux", "server", "service-node-port-range",
	"servicelb-namespace", "snapshotter", "supervisor-metrics", "system-default-registry", "v", "vmodule",
	"vpn-auth", "vpn-auth-file", "with-node-id", "write-kubeconfig-group",
}

func init() {
	for _, name := range otherKeys {
		keys[name] = unimplemented
	}
}

// packaged are the components that `disable` may name. The stand-in has no
// traefik and no servicelb, so a config must disable both.
var packaged = map[string]bool{
	"coredns": true, "servicelb": true, "traefik": true, "local-storage": true,
	"metrics-server": true, "runtimes": true,
}
