package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	containerdSocket = "/run/k3s/containerd/containerd.sock"
	pauseImage       = "docker.io/rancher/mirrored-pause:3.6"
)

// registries is registries.yaml.
type registries struct {
	Mirrors map[string]struct {
		Endpoint []string          `json:"endpoint"`
		Rewrite  map[string]string `json:"rewrite"`
	} `json:"mirrors"`
	Configs map[string]struct {
		Auth *struct{ Username, Password string } `json:"auth"`
		TLS  *struct {
			CAFile             string `json:"ca_file"`
			InsecureSkipVerify bool   `json:"insecure_skip_verify"`
		} `json:"tls"`
	} `json:"configs"`
}

func readRegistries(path string) (registries, error) {
	var out registries
	body, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if err := yaml.UnmarshalStrict(body, &out); err != nil {
		return out, fmt.Errorf("%s: %w", path, err)
	}
	for host, mirror := range out.Mirrors {
		if len(mirror.Rewrite) > 0 {
			return out, fmt.Errorf("%s: mirror %s: the k3s stand-in does not implement rewrite", path, host)
		}
	}
	return out, nil
}

// writeContainerd renders config.toml and certs.d from the settings.
func writeContainerd(c *config, p paths, bin string) (string, error) {
	reg, err := readRegistries(c.registries)
	if err != nil {
		return "", err
	}
	certs := p.agent + "/etc/containerd/certs.d"
	if err := os.RemoveAll(certs); err != nil {
		return "", err
	}
	for host, mirror := range reg.Mirrors {
		name := host
		if host == "*" {
			name = "_default"
		}
		body := hostsToml(reg, host, mirror.Endpoint, c.noDefaultEndpoint)
		if err := writeFile(filepath.Join(certs, name, "hosts.toml"), []byte(body), 0o600); err != nil {
			return "", err
		}
	}
	file := p.agent + "/etc/containerd/config.toml"
	return file, writeFile(file, []byte(containerdToml(p, bin, certs, reg)), 0o600)
}

func containerdToml(p paths, bin, certs string, reg registries) string {
	out := fmt.Sprintf(`# Generated at every start.
version = 3
root = %q
state = "/run/k3s/containerd"

[grpc]
  address = %q

[plugins.'io.containerd.internal.v1.opt']
  path = %q

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = %q
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = %q

[plugins.'io.containerd.cri.v1.runtime']
  enable_selinux = false
  restrict_oom_score_adj = true
  device_ownership_from_security_context = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [%q]
    conf_dir = %q
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = %q
      SystemdCgroup = false
`, p.agent+"/containerd", containerdSocket, p.agent+"/containerd", pauseImage, certs, bin, p.agent+"/etc/cni/net.d", bin+"/runc")
	for _, host := range sortedKeys(reg.Configs) {
		if auth := reg.Configs[host].Auth; auth != nil {
			out += fmt.Sprintf("\n[plugins.'io.containerd.cri.v1.images'.registry.configs.%q.auth]\n  username = %q\n  password = %q\n", host, auth.Username, auth.Password)
		}
	}
	return out
}

func hostsToml(reg registries, host string, endpoints []string, noDefault bool) string {
	out := ""
	if noDefault && len(endpoints) > 0 {
		out = fmt.Sprintf("server = %q\n", endpoints[len(endpoints)-1])
	}
	for _, endpoint := range endpoints {
		out += fmt.Sprintf("\n[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", endpoint)
		_, address, _ := strings.Cut(endpoint, "://")
		address, _, _ = strings.Cut(address, "/")
		if tls := reg.Configs[address].TLS; tls != nil {
			out += fmt.Sprintf("  skip_verify = %t\n", tls.InsecureSkipVerify)
			if tls.CAFile != "" {
				out += fmt.Sprintf("  ca = [%q]\n", tls.CAFile)
			}
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for key := range m {
		out = append(out, key)
	}
	sort.Strings(out)
	return out
}

// importer loads the archives of {data}/agent/images, also those that appear
// while it runs. What it loaded is noted beside containerd's own state, by
// size and time of the archive.
type importer struct {
	supervisor *supervisor
	bin        string
	dir, notes string
}

func newImporter(s *supervisor, p paths, bin string) *importer {
	return &importer{s, bin, p.agent + "/images", p.agent + "/containerd/imported.json"}
}

func (i *importer) load(ctx context.Context) error {
	done := map[string]string{}
	if body, err := os.ReadFile(i.notes); err == nil {
		json.Unmarshal(body, &done) // unreadable notes mean: import again
	}
	archives, err := filepath.Glob(i.dir + "/*.tar*")
	if err != nil {
		return err
	}
	for _, path := range archives {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		stamp := fmt.Sprintf("%d/%d", info.Size(), info.ModTime().UnixNano())
		if done[filepath.Base(path)] == stamp {
			continue
		}
		started := time.Now()
		// Unpinned, images that cannot be pulled again would be collected.
		_, err = i.supervisor.output(ctx, nil, i.bin+"/ctr", "--address", containerdSocket, "--namespace", "k8s.io",
			"images", "import", "--sync-fs", "--label", "io.cri-containerd.pinned=pinned", path)
		if err != nil {
			return fmt.Errorf("importing %s: %w", path, err)
		}
		logf("info", "Imported images from %s in %s", path, time.Since(started).Round(time.Millisecond))
		done[filepath.Base(path)] = stamp
		body, err := json.Marshal(done)
		if err != nil {
			return err
		}
		if err := writeFile(i.notes, body, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// follow imports later archives once their size and time stand still.
func (i *importer) follow(ctx context.Context) {
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Second):
		}
		now := i.fingerprint()
		if now == last {
			if err := i.load(ctx); err != nil {
				logf("error", "%v", err)
			}
		}
		last = now
	}
}

func (i *importer) fingerprint() string {
	archives, _ := filepath.Glob(i.dir + "/*.tar*")
	out := ""
	for _, path := range archives {
		if info, err := os.Stat(path); err == nil {
			out += fmt.Sprintf("%s/%d/%d ", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return out
}
