package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// arguments merges defaults with the user's `name=value` list as k3s does:
// one or more values for a name replace the default of that name.
func arguments(defaults map[string]string, extra []string) []string {
	merged := map[string][]string{}
	for name, value := range defaults {
		merged[name] = []string{value}
	}
	replaced := map[string]bool{}
	for _, entry := range extra {
		name, value, given := strings.Cut(entry, "=")
		if !given {
			value = "true"
		}
		if !replaced[name] {
			merged[name], replaced[name] = nil, true
		}
		merged[name] = append(merged[name], value)
	}
	var out []string
	for name, values := range merged {
		for _, value := range values {
			out = append(out, "--"+name+"="+value)
		}
	}
	sort.Strings(out)
	return out
}

const cipherSuites = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384," +
	"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256," +
	"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"

func etcdArgs(c *config, p paths, name string) []string {
	node := c.nodeIP.String()
	metrics := "http://127.0.0.1:2381"
	if c.etcdExposeMetrics {
		metrics += ",http://" + node + ":2381"
	}
	return arguments(map[string]string{
		"name": name, "data-dir": p.etcd, "logger": "zap", "log-level": "warn",
		"listen-client-urls": "https://127.0.0.1:2379,https://" + node + ":2379", "advertise-client-urls": "https://" + node + ":2379",
		"listen-peer-urls": "https://127.0.0.1:2380,https://" + node + ":2380", "initial-advertise-peer-urls": "https://" + node + ":2380",
		"initial-cluster": name + "=https://" + node + ":2380", "listen-metrics-urls": metrics,
		"client-cert-auth": "true", "trusted-ca-file": p.tls + "/etcd/server-ca.crt",
		"cert-file": p.tls + "/etcd/server-client.crt", "key-file": p.tls + "/etcd/server-client.key",
		"peer-client-cert-auth": "true", "peer-trusted-ca-file": p.tls + "/etcd/peer-ca.crt",
		"peer-cert-file": p.tls + "/etcd/peer-server-client.crt", "peer-key-file": p.tls + "/etcd/peer-server-client.key",
		"heartbeat-interval": "500", "election-timeout": "5000", "snapshot-count": "10000",
	}, c.args["etcd"])
}

func apiServerArgs(c *config, p paths) []string {
	defaults := map[string]string{
		"advertise-address": c.nodeIP.String(), "allow-privileged": "true", "anonymous-auth": "false",
		"api-audiences": "https://kubernetes.default.svc.cluster.local,k3s", "authorization-mode": "Node,RBAC",
		"bind-address": "0.0.0.0", "secure-port": "6443", "cert-dir": p.tls + "/temporary-certs",
		"client-ca-file": p.tls + "/client-ca.crt", "enable-admission-plugins": "NodeRestriction",
		"enable-aggregator-routing": "true", "enable-bootstrap-token-auth": "true",
		"etcd-cafile": p.tls + "/etcd/server-ca.crt", "etcd-certfile": p.tls + "/etcd/client.crt",
		"etcd-keyfile": p.tls + "/etcd/client.key", "etcd-servers": "https://127.0.0.1:2379",
		"kubelet-certificate-authority": p.tls + "/server-ca.crt", "kubelet-client-certificate": p.tls + "/client-kube-apiserver.crt",
		"kubelet-client-key": p.tls + "/client-kube-apiserver.key", "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
		"profiling": "false", "proxy-client-cert-file": p.tls + "/client-auth-proxy.crt",
		"proxy-client-key-file": p.tls + "/client-auth-proxy.key", "requestheader-allowed-names": "system:auth-proxy",
		"requestheader-client-ca-file": p.tls + "/request-header-ca.crt", "requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers": "X-Remote-Group", "requestheader-username-headers": "X-Remote-User",
		"service-account-issuer": "https://kubernetes.default.svc.cluster.local", "service-account-key-file": p.tls + "/service.key",
		"service-account-signing-key-file": p.tls + "/service.key", "service-cluster-ip-range": c.serviceCIDR.String(),
		"service-node-port-range": "30000-32767", "storage-backend": "etcd3",
		"tls-cert-file": p.tls + "/serving-kube-apiserver.crt", "tls-private-key-file": p.tls + "/serving-kube-apiserver.key",
		"tls-cipher-suites": cipherSuites,
	}
	if c.encryptSecrets {
		defaults["encryption-provider-config"] = encryptionFile(p)
	}
	return arguments(defaults, c.args["kube-apiserver"])
}

func controllerManagerArgs(c *config, p paths) []string {
	kubeconfig := p.cred + "/controller.kubeconfig"
	defaults := map[string]string{
		"allocate-node-cidrs": "true", "authentication-kubeconfig": kubeconfig, "authorization-kubeconfig": kubeconfig,
		"bind-address": "127.0.0.1", "cluster-cidr": c.clusterCIDR.String(), "controllers": "*,tokencleaner",
		"cluster-signing-kube-apiserver-client-cert-file": p.tls + "/client-ca.crt", "cluster-signing-kube-apiserver-client-key-file": p.tls + "/client-ca.key",
		"cluster-signing-kubelet-client-cert-file": p.tls + "/client-ca.crt", "cluster-signing-kubelet-client-key-file": p.tls + "/client-ca.key",
		"cluster-signing-kubelet-serving-cert-file": p.tls + "/server-ca.crt", "cluster-signing-kubelet-serving-key-file": p.tls + "/server-ca.key",
		"cluster-signing-legacy-unknown-cert-file": p.tls + "/server-ca.crt", "cluster-signing-legacy-unknown-key-file": p.tls + "/server-ca.key",
		"kubeconfig": kubeconfig, "profiling": "false", "root-ca-file": p.tls + "/server-ca.crt", "secure-port": "10257",
		"service-account-private-key-file": p.tls + "/service.key", "service-cluster-ip-range": c.serviceCIDR.String(),
		"use-service-account-credentials": "true",
	}
	return arguments(defaults, c.args["kube-controller-manager"])
}

func schedulerArgs(c *config, p paths) []string {
	kubeconfig := p.cred + "/scheduler.kubeconfig"
	return arguments(map[string]string{
		"authentication-kubeconfig": kubeconfig, "authorization-kubeconfig": kubeconfig, "kubeconfig": kubeconfig,
		"bind-address": "127.0.0.1", "profiling": "false", "secure-port": "10259",
	}, c.args["kube-scheduler"])
}

func proxyArgs(c *config, p paths) []string {
	return arguments(map[string]string{
		"cluster-cidr": c.clusterCIDR.String(), "healthz-bind-address": "127.0.0.1", "hostname-override": c.nodeName,
		"kubeconfig": p.agent + "/kubeproxy.kubeconfig", "proxy-mode": "nftables",
		// Other network namespaces share the machine's conntrack limits.
		"conntrack-max-per-core": "0", "conntrack-min": "0",
		"conntrack-tcp-timeout-established": "0s", "conntrack-tcp-timeout-close-wait": "0s",
	}, c.args["kube-proxy"])
}

func kubeletArgs(c *config, p paths) []string {
	labels := append(slices.Clone(c.nodeLabels), "node.kubernetes.io/instance-type=k3s")
	defaults := map[string]string{
		"config-dir": p.agent + "/etc/kubelet.conf.d", "containerd": containerdSocket, "hostname-override": c.nodeName,
		"kubeconfig": p.agent + "/kubelet.kubeconfig", "node-ip": c.nodeIP.String(),
		"node-labels": strings.Join(labels, ","), "provider-id": "k3s://" + c.nodeName,
	}
	if c.protectKernelDefaults {
		defaults["protect-kernel-defaults"] = "true"
	}
	return arguments(defaults, c.args["kubelet"])
}

// kubeletDefaults is the drop-in that k3s writes since 1.32. Command line
// arguments win over it.
func kubeletDefaults(c *config, p paths, resolvConf string) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication:
  anonymous: {enabled: false}
  webhook: {cacheTTL: 2m0s, enabled: true}
  x509: {clientCAFile: %[1]s/client-ca.crt}
authorization:
  mode: Webhook
cgroupDriver: cgroupfs
clusterDNS: [%[2]s]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://%[3]s
evictionHard: {imagefs.available: 5%%, nodefs.available: 5%%}
evictionMinimumReclaim: {imagefs.available: 10%%, nodefs.available: 10%%}
failSwapOn: false
healthzBindAddress: 127.0.0.1
resolvConf: %[4]s
serializeImagePulls: false
staticPodPath: %[5]s/pod-manifests
tlsCertFile: %[5]s/serving-kubelet.crt
tlsPrivateKeyFile: %[5]s/serving-kubelet.key
`, p.tls, nth(c.serviceCIDR, 10), containerdSocket, resolvConf, p.agent)
}
