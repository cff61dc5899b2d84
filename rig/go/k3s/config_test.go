package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const minimal = `
cluster-init: true
token: t
node-name: vps-1
node-ip: 192.0.2.7
disable: [traefik, servicelb]
`

// load writes files below a config directory and loads them.
func load(t *testing.T, files map[string]string, argv ...string) (*config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return loadConfig(append(argv, "--config="+filepath.Join(dir, "config.yaml")))
}

func TestDefaultsAreThoseOfK3s(t *testing.T) {
	c, err := load(t, map[string]string{"config.yaml": minimal})
	if err != nil {
		t.Fatal(err)
	}
	if c.dataDir != "/var/lib/rancher/k3s" || c.clusterCIDR.String() != "10.42.0.0/16" || c.serviceCIDR.String() != "10.43.0.0/16" ||
		c.localStoragePath != "/var/lib/rancher/k3s/storage" || c.kubeconfigMode != 0o600 || c.flannelBackend != "vxlan" {
		t.Errorf("unexpected defaults: %+v", c)
	}
}

func TestDropInsMerge(t *testing.T) {
	c, err := load(t, map[string]string{
		"config.yaml":          minimal + "kubelet-arg: [a=1]\ntls-san: one,two\n",
		"config.yaml.d/1.yaml": "kubelet-arg+: [b=2]\nnode-name: other\n",
		"config.yaml.d/2.yaml": "kubelet-arg+: [\"c=x,y\"]\n",
	}, "--flannel-backend", "host-gw")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.args["kubelet"], []string{"a=1", "b=2", "c=x,y"}) || c.nodeName != "other" ||
		!slices.Equal(c.tlsSANs, []string{"one", "two"}) || c.flannelBackend != "host-gw" {
		t.Errorf("merged wrongly: %+v", c)
	}
}

func TestRefusals(t *testing.T) {
	for line, want := range map[string]string{
		"not-a-key: 1":                         "flag provided but not defined: -not-a-key",
		"datastore-endpoint: mysql://":         `the k3s stand-in does not implement "datastore-endpoint"`,
		"kubelet-arg: [--a=b]":                 `write "--a=b" without leading dashes`,
		"secrets-encryption: maybe":            `secrets-encryption: expected true or false, got "maybe"`,
		"secrets-encryption-provider: rot13":   "expected aescbc or secretbox",
		"flannel-backend: ipsec":               `got "ipsec"`,
		"cluster-cidr: fd00::/48":              "expected one IPv4 range",
		"token: [a, b]":                        `key "token" takes one value, not a list`,
		"write-kubeconfig-mode: rw":            `expected an octal mode, got "rw"`,
		"etcd-snapshot-retention: -1":          "expected a number",
		"node-label: [{a: b}]":                 "unsupported type",
		"node-ip: fd00::1":                     "takes one IPv4 address",
		"default-local-storage-path: x\ntoken": "could not find expected ':'",
	} {
		_, err := load(t, map[string]string{"config.yaml": minimal, "config.yaml.d/1.yaml": line})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}

func TestVariablesThatWouldGoUnheardAreRefused(t *testing.T) {
	if err := checkEnvironment([]string{"PATH=/bin", "K3S_TOKEN=t"}); err != nil {
		t.Error(err)
	}
	if err := checkEnvironment([]string{"K3S_DATA_DIR=/data"}); err == nil {
		t.Error("K3S_DATA_DIR is ignored in silence")
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := load(t, map[string]string{"config.yaml": "node-ip: x\ndisable: [bogus]\n"})
	for _, want := range []string{"node-ip", `"bogus" is not a packaged component`, "no traefik", "no servicelb", "cluster-init"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestArgumentsReplaceDefaults(t *testing.T) {
	got := arguments(map[string]string{"enable-admission-plugins": "NodeRestriction", "profiling": "false"},
		[]string{"enable-admission-plugins=A,B", "audit=1", "audit=2", "flag"})
	want := []string{"--audit=1", "--audit=2", "--enable-admission-plugins=A,B", "--flag=true", "--profiling=false"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestKubeletTakesCgroupV1OnlyWhenTold(t *testing.T) {
	c, err := load(t, map[string]string{"config.yaml": minimal})
	if err != nil {
		t.Fatal(err)
	}
	p := newPaths("/data")
	all := strings.Join(kubeletArgs(c, p), " ") + kubeletDefaults(c, p, "/etc/resolv.conf")
	if strings.Contains(strings.ToLower(all), "cgroupv1") {
		t.Error("the stand-in accepts cgroup v1 by itself")
	}
}

// Since 1.32 k3s' own settings are one file of a directory, and whoever puts another one beside it is heard.
func TestKubeletReadsTheDropInDirectory(t *testing.T) {
	c, err := load(t, map[string]string{"config.yaml": minimal})
	if err != nil {
		t.Fatal(err)
	}
	p := newPaths(t.TempDir())
	directory := filepath.Join(p.agent, "etc/kubelet.conf.d")
	if args := kubeletArgs(c, p); !slices.Contains(args, "--config-dir="+directory) {
		t.Errorf("no --config-dir=%s in %v", directory, args)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(directory, "50-own.conf")
	if err := os.WriteFile(own, []byte("kind: KubeletConfiguration\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeKubeletDefaults(c, p, "/etc/resolv.conf"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(directory + "/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(files, []string{directory + "/00-k3s-defaults.conf", own}) {
		t.Errorf("the directory holds %v", files)
	}
}

func TestRegistriesRender(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registries.yaml")
	body := "mirrors:\n  docker.io:\n    endpoint: [https://mirror.test]\nconfigs:\n  mirror.test:\n    auth: {username: u, password: p}\n    tls: {ca_file: /ca.pem}\n"
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	reg, err := readRegistries(file)
	if err != nil {
		t.Fatal(err)
	}
	hosts := hostsToml(reg, "docker.io", reg.Mirrors["docker.io"].Endpoint, true)
	for _, want := range []string{`server = "https://mirror.test"`, `[host."https://mirror.test"]`, `ca = ["/ca.pem"]`} {
		if !strings.Contains(hosts, want) {
			t.Errorf("%q is missing in\n%s", want, hosts)
		}
	}
	if hosts := hostsToml(reg, "docker.io", reg.Mirrors["docker.io"].Endpoint, false); strings.Contains(hosts, "server =") {
		t.Errorf("the default endpoint is gone without being disabled:\n%s", hosts)
	}
	config := containerdToml(newPaths("/data"), "/bin", "/certs", reg)
	if !strings.Contains(config, `registry.configs."mirror.test".auth]`) || !strings.Contains(config, `password = "p"`) {
		t.Errorf("no credentials in\n%s", config)
	}
}
