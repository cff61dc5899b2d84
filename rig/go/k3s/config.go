package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// config is the checked, typed form of the server settings.
type config struct {
	token, agentToken                string
	dataDir, nodeName                string
	nodeIP                           netip.Addr
	nodeLabels, tlsSANs, disable     []string
	kubeconfigPath                   string
	kubeconfigMode                   os.FileMode
	encryptSecrets                   bool
	encryptionProvider               string
	protectKernelDefaults            bool
	flannelBackend                   string
	localStoragePath                 string
	etcdExposeMetrics                bool
	snapshotSchedule                 string
	snapshotRetention                int
	clusterCIDR, serviceCIDR         netip.Prefix
	registries                       string
	noDefaultEndpoint, preferBundled bool
	args                             map[string][]string
}

const (
	defaultConfigFile = "/etc/rancher/k3s/config.yaml"
	defaultDataDir    = "/var/lib/rancher/k3s"
)

func newConfig(s settings) (*config, error) {
	r := reader{settings: s}
	c := &config{
		token: r.text("token", os.Getenv("K3S_TOKEN")), agentToken: r.text("agent-token", ""),
		dataDir: r.text("data-dir", defaultDataDir), nodeName: r.text("node-name", hostName()),
		nodeIP: r.nodeIP(), nodeLabels: s["node-label"], tlsSANs: r.split("tls-san"), disable: r.split("disable"),
		kubeconfigPath: r.text("write-kubeconfig", "/etc/rancher/k3s/k3s.yaml"),
		kubeconfigMode: r.mode("write-kubeconfig-mode", "0600"),
		encryptSecrets: r.boolean("secrets-encryption", false), encryptionProvider: r.text("secrets-encryption-provider", "aescbc"),
		protectKernelDefaults: r.boolean("protect-kernel-defaults", false), flannelBackend: r.text("flannel-backend", "vxlan"),
		etcdExposeMetrics: r.boolean("etcd-expose-metrics", false), snapshotSchedule: r.text("etcd-snapshot-schedule-cron", "0 */12 * * *"),
		snapshotRetention: r.number("etcd-snapshot-retention", 5),
		clusterCIDR:       r.prefix("cluster-cidr", "10.42.0.0/16"), serviceCIDR: r.prefix("service-cidr", "10.43.0.0/16"),
		registries:        r.text("private-registry", "/etc/rancher/k3s/registries.yaml"),
		noDefaultEndpoint: r.boolean("disable-default-registry-endpoint", false), preferBundled: r.boolean("prefer-bundled-bin", false),
		args: map[string][]string{},
	}
	c.localStoragePath = r.text("default-local-storage-path", filepath.Join(c.dataDir, "storage"))
	for _, component := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "etcd"} {
		c.args[component] = s[component+"-arg"]
	}
	if file := r.text("token-file", ""); file != "" {
		body, err := os.ReadFile(file)
		if err != nil {
			r.fail("token-file", err.Error())
		}
		c.token = strings.TrimSpace(string(body))
	}
	r.boolean("tls-san-security", true)
	r.check(c)
	return c, errors.Join(r.problems...)
}

// check refuses what the stand-in cannot honour.
func (r *reader) check(c *config) {
	if !r.boolean("cluster-init", false) {
		r.fail("cluster-init", "the k3s stand-in has embedded etcd only; set it to true")
	}
	if c.encryptionProvider != "aescbc" && c.encryptionProvider != "secretbox" {
		r.fail("secrets-encryption-provider", "expected aescbc or secretbox, got "+strconv.Quote(c.encryptionProvider))
	}
	if !slices.Contains([]string{"vxlan", "host-gw", "wireguard-native"}, c.flannelBackend) {
		r.fail("flannel-backend", "the k3s stand-in has vxlan, host-gw and wireguard-native, got "+strconv.Quote(c.flannelBackend))
	}
	for _, name := range c.disable {
		if !packaged[name] {
			r.fail("disable", fmt.Sprintf("%q is not a packaged component", name))
		}
	}
	for _, name := range []string{"traefik", "servicelb"} {
		if !slices.Contains(c.disable, name) {
			r.fail("disable", "the k3s stand-in has no "+name+"; list it here")
		}
	}
	for component, args := range c.args {
		for _, arg := range args {
			if strings.HasPrefix(arg, "-") {
				r.fail(component+"-arg", fmt.Sprintf("write %q without leading dashes", arg))
			}
		}
	}
}
