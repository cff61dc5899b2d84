package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// addonFiles maps the names that `disable` takes to packaged manifests.
var addonFiles = map[string]string{
	"coredns": "coredns.yaml", "local-storage": "local-storage.yaml", "metrics-server": "metrics-server.yaml",
}

// applyAddons writes the packaged manifests to {data}/server/manifests and
// applies every file there, also the administrator's own. A disabled one is
// removed from disk and cluster; `<file>.skip` leaves one untouched.
func (a *cluster) applyAddons(ctx context.Context, p paths) error {
	for name, file := range addonFiles {
		path := filepath.Join(p.manifests, file)
		body, err := manifests.ReadFile("manifests/" + file)
		if err != nil {
			return err
		}
		if slices.Contains(a.config.disable, name) {
			err = a.kubectl(ctx, a.render(body), "delete", "--ignore-not-found", "--wait=false", "-f", "-")
			os.Remove(path)
		} else if _, skip := os.Stat(path + ".skip"); skip != nil {
			err = writeFile(path, []byte(a.render(body)), 0o600)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	files, err := filepath.Glob(p.manifests + "/*.yaml")
	if err != nil {
		return err
	}
	for _, path := range files {
		if _, err := os.Stat(path + ".skip"); err == nil {
			continue
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := a.kubectl(ctx, string(body), "apply", "--server-side", "--force-conflicts", "--field-manager=k3s", "-f", "-"); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// render fills the placeholders of a packaged manifest, named as in k3s.
func (a *cluster) render(body []byte) string {
	return strings.NewReplacer(
		"%{CLUSTER_DNS}%", nth(a.config.serviceCIDR, 10).String(),
		"%{CLUSTER_DOMAIN}%", "cluster.local",
		"%{NODE_HOST}%", a.config.nodeIP.String()+" "+a.config.nodeName,
		"%{DEFAULT_LOCAL_STORAGE_PATH}%", a.config.localStoragePath,
	).Replace(string(body))
}

func (a *cluster) kubectl(ctx context.Context, input string, args ...string) error {
	argv := append([]string{a.bin + "/kube", "kubectl", "--kubeconfig", a.kubeconfig}, args...)
	_, err := a.supervisor.output(ctx, strings.NewReader(input), argv...)
	return err
}
