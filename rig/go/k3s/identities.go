package main

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
)

// paths are the places of k3s below the data directory.
type paths struct{ data, server, tls, cred, agent, etcd, snapshots, manifests string }

func newPaths(dataDir string) paths {
	server := filepath.Join(dataDir, "server")
	return paths{
		data: dataDir, server: server, tls: filepath.Join(server, "tls"), cred: filepath.Join(server, "cred"),
		agent: filepath.Join(dataDir, "agent"), etcd: filepath.Join(server, "db", "etcd"),
		snapshots: filepath.Join(server, "db", "snapshots"), manifests: filepath.Join(server, "manifests"),
	}
}

func (p paths) make() error {
	for dir, mode := range map[string]os.FileMode{
		p.tls: 0o700, p.tls + "/etcd": 0o700, p.cred: 0o700, p.etcd: 0o700, p.snapshots: 0o700, p.manifests: 0o700,
		p.agent + "/images": 0o700, p.agent + "/pod-manifests": 0o700, p.agent + "/etc/cni/net.d": 0o700,
		p.agent + "/etc/kubelet.conf.d": 0o700, p.agent + "/etc/containerd": 0o700, p.agent + "/containerd": 0o711,
		"/run/k3s/containerd": 0o711, "/etc/rancher/k3s": 0o755, "/etc/rancher/node": 0o700,
	} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
	}
	return nil
}

// identities makes every certificate and kubeconfig of this server.
func identities(c *config, p paths) (*pki, error) {
	tls, err := openPKI(p.tls)
	if err != nil {
		return nil, err
	}
	for _, l := range leaves(c, p) {
		if err := tls.ensure(l); err != nil {
			return nil, fmt.Errorf("certificate %s: %w", l.path, err)
		}
	}
	return tls, writeKubeconfigs(c, p)
}

func leaves(c *config, p paths) []leaf {
	node := net.IP(c.nodeIP.AsSlice())
	loopback := net.IPv4(127, 0, 0, 1)
	names, addresses := splitSANs(c.tlsSANs)
	names = append(names, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost", c.nodeName)
	addresses = append(addresses, loopback, node, nth(c.serviceCIDR, 1))
	client := func(file, cn, org string) leaf {
		return leaf{path: filepath.Join(p.tls, "client-"+file), ca: "client-ca", cn: cn, org: org}
	}
	return []leaf{
		client("admin", "system:admin", "system:masters"),
		client("supervisor", "system:k3s-supervisor", "system:masters"),
		client("controller", "system:kube-controller-manager", ""),
		client("scheduler", "system:kube-scheduler", ""),
		client("kube-apiserver", "system:apiserver", "system:masters"),
		{path: p.tls + "/client-auth-proxy", ca: "request-header-ca", cn: "system:auth-proxy"},
		{path: p.tls + "/serving-kube-apiserver", ca: "server-ca", cn: "kube-apiserver", server: true, dns: names, ips: addresses},
		{path: p.tls + "/etcd/client", ca: "etcd/server-ca", cn: "etcd-client"},
		{path: p.tls + "/etcd/server-client", ca: "etcd/server-ca", cn: "etcd-server", server: true, dns: []string{"localhost", c.nodeName}, ips: []net.IP{loopback, node}},
		{path: p.tls + "/etcd/peer-server-client", ca: "etcd/peer-ca", cn: "etcd-peer", server: true, dns: []string{"localhost", c.nodeName}, ips: []net.IP{loopback, node}},
		{path: p.agent + "/serving-kubelet", ca: "server-ca", cn: c.nodeName, server: true, dns: []string{"localhost", c.nodeName}, ips: []net.IP{loopback, node}},
		{path: p.agent + "/client-kubelet", ca: "client-ca", cn: "system:node:" + c.nodeName, org: "system:nodes"},
		{path: p.agent + "/client-kube-proxy", ca: "client-ca", cn: "system:kube-proxy"},
		{path: p.agent + "/client-k3s-controller", ca: "client-ca", cn: "system:k3s-controller"},
	}
}

func splitSANs(values []string) (names []string, addresses []net.IP) {
	for _, value := range values {
		if ip := net.ParseIP(value); ip != nil {
			addresses = append(addresses, ip)
		} else {
			names = append(names, value)
		}
	}
	return names, addresses
}

// nth is the address at an offset (below 256) of a range.
func nth(prefix netip.Prefix, offset byte) net.IP {
	address := prefix.Addr().As4()
	address[3] += offset
	return net.IP(address[:])
}

func writeKubeconfigs(c *config, p paths) error {
	files := map[string]string{
		p.cred + "/admin.kubeconfig":      p.tls + "/client-admin",
		p.cred + "/controller.kubeconfig": p.tls + "/client-controller",
		p.cred + "/scheduler.kubeconfig":  p.tls + "/client-scheduler",
		p.agent + "/kubelet.kubeconfig":   p.agent + "/client-kubelet",
		p.agent + "/kubeproxy.kubeconfig": p.agent + "/client-kube-proxy",
	}
	for file, base := range files {
		body := kubeconfig("local", "certificate-authority: "+p.tls+"/server-ca.crt",
			"client-certificate: "+base+".crt", "client-key: "+base+".key")
		if err := writeFile(file, []byte(body), 0o600); err != nil {
			return err
		}
	}
	admin, err := inlineKubeconfig(p)
	if err != nil {
		return err
	}
	return writeFile(c.kubeconfigPath, []byte(admin), c.kubeconfigMode)
}

// inlineKubeconfig is the admin's, with everything inside, as k3s writes it.
func inlineKubeconfig(p paths) (string, error) {
	var encoded []string
	for _, file := range []string{"server-ca.crt", "client-admin.crt", "client-admin.key"} {
		body, err := os.ReadFile(filepath.Join(p.tls, file))
		if err != nil {
			return "", err
		}
		encoded = append(encoded, base64.StdEncoding.EncodeToString(body))
	}
	return kubeconfig("default", "certificate-authority-data: "+encoded[0],
		"client-certificate-data: "+encoded[1], "client-key-data: "+encoded[2]), nil
}

func kubeconfig(name, authority, cert, key string) string {
	return fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    %[2]s
    server: https://127.0.0.1:6443
  name: %[1]s
contexts:
- context:
    cluster: %[1]s
    user: %[1]s
  name: %[1]s
current-context: %[1]s
kind: Config
users:
- name: %[1]s
  user:
    %[3]s
    %[4]s
`, name, authority, cert, key)
}
