package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// settings are raw values by key, as the files and the command line gave them.
type settings map[string][]string

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

// loadConfig merges the config file, its drop-ins and the command line.
func loadConfig(argv []string) (*config, error) {
	cli, file, err := parseFlags(argv)
	if err != nil {
		return nil, err
	}
	merged, err := readFiles(file)
	if err != nil {
		return nil, err
	}
	for name, values := range cli {
		merged[name] = values
	}
	return newConfig(merged)
}

// configFile is where settings come from when no flag says otherwise.
func configFile() string {
	if file := os.Getenv("K3S_CONFIG_FILE"); file != "" {
		return file
	}
	return defaultConfigFile
}

// parseFlags reads `--name=value`, `--name value` and boolean `--name`.
func parseFlags(argv []string) (settings, string, error) {
	out, file := settings{}, configFile()
	for i := 0; i < len(argv); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(argv[i], "-"), "=")
		isConfig := name == "config" || name == "c"
		if !strings.HasPrefix(argv[i], "-") {
			return nil, "", fmt.Errorf("unexpected argument %q", argv[i])
		}
		if !isConfig {
			if err := known(name); err != nil {
				return nil, "", err
			}
		}
		if !given && !isConfig && keys[name] == boolean {
			value, given = "true", true
		}
		if !given {
			if i++; i >= len(argv) {
				return nil, "", fmt.Errorf("flag needs an argument: --%s", name)
			}
			value = argv[i]
		}
		if isConfig {
			file = value
		} else {
			out[name] = append(out[name], value)
		}
	}
	return out, file, nil
}

// readFiles reads the file (which may be absent) and `<file>.d/*.yaml` in
// alphabetical order. The last value of a key wins; `key+` appends.
func readFiles(file string) (settings, error) {
	dropins, err := filepath.Glob(file + ".d/*.yaml")
	if err != nil {
		return nil, err
	}
	sort.Strings(dropins)
	out := settings{}
	for _, path := range append([]string{file}, dropins...) {
		body, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := out.add(body); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return out, nil
}

func (s settings) add(body []byte) error {
	var values map[string]any
	if err := yaml.UnmarshalStrict(body, &values); err != nil {
		return err
	}
	for key, value := range values {
		name := strings.TrimSuffix(key, "+")
		if err := known(name); err != nil {
			return err
		}
		texts, err := toTexts(name, value)
		if err != nil {
			return err
		}
		if key != name {
			texts = append(slices.Clone(s[name]), texts...)
		}
		s[name] = texts
	}
	return nil
}

func toTexts(name string, value any) ([]string, error) {
	items, isList := value.([]any)
	if !isList {
		items = []any{value}
	}
	if isList && keys[name] != list {
		return nil, fmt.Errorf("key %q takes one value, not a list", name)
	}
	var out []string
	for _, item := range items {
		switch item := item.(type) {
		case string:
			out = append(out, item)
		case bool:
			out = append(out, strconv.FormatBool(item))
		case float64, int64:
			out = append(out, fmt.Sprint(item))
		default:
			return nil, fmt.Errorf("key %q has a value of an unsupported type %T", name, item)
		}
	}
	return out, nil
}

// known refuses keys that k3s does not have with k3s' own words, and keys
// that the stand-in lacks with an explanation.
func known(name string) error {
	switch kind, exists := keys[name]; {
	case !exists:
		return fmt.Errorf("flag provided but not defined: -%s", name)
	case kind == unimplemented:
		return fmt.Errorf("the k3s stand-in does not implement %q; remove it from the config or use the real k3s", name)
	}
	return nil
}

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
