package kubernetes

import (
	"context"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

// forceNew lists, per kind, the fields whose change replaces the object; metadata.name and .namespace always do.
var forceNew = map[string][]string{
	"Deployment":            {"spec.selector"},
	"DaemonSet":             {"spec.selector"},
	"StatefulSet":           {"spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates", "spec.revisionHistoryLimit"},
	"Job":                   {"spec.selector", "spec.template", "spec.completions", "spec.parallelism"},
	"PersistentVolumeClaim": {"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"},
	"PersistentVolume":      {"spec.hostPath", "spec.local", "spec.nfs", "spec.csi"},
	"StorageClass":          {"parameters", "provisioner"},
	"RoleBinding":           {"roleRef"},
	"ClusterRoleBinding":    {"roleRef"},
	"ResourceQuota":         {"spec.scopes"},
	"Service":               {"spec.clusterIP"},
	"Secret":                {"type"},
}

// Diff compares inputs with inputs: an unchanged object costs no call.
func (p *Provider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	kind, known := kindOf(string(req.Type))
	if !known {
		return plugin.DiffResult{}, p.UnknownType(string(req.Type))
	}
	paths := replacing(kind, p.settings, req.OldInputs)
	diff := pluginkit.InputDiff(req.OldInputs, req.NewInputs, func(path string) bool { return covered(path, paths) })
	diff.DeleteBeforeReplace = pluginkit.Replaces(diff) && sameFixedName(req.OldInputs, req.NewInputs)
	return diff, nil
}

// replacing returns the force-new paths of a kind under these settings. ConfigMaps and Secrets are immutable unless
// the provider says otherwise, and always when the object itself does.
func replacing(k kind, s settings, olds resource.PropertyMap) []string {
	paths := append([]string{"metadata.name", "metadata.namespace"}, forceNew[k.gvk.Kind]...)
	frozen := pluginkit.Flag(olds, "immutable", false)
	if k.patch {
		return paths
	}
	if k.gvk.Kind == "ConfigMap" && (!s.configMapMutable || frozen) {
		paths = append(paths, "data", "binaryData")
	}
	if k.gvk.Kind == "Secret" && (!s.secretMutable || frozen) {
		paths = append(paths, "data", "stringData")
	}
	return paths
}

// covered tells whether a changed path is, lies in, or contains one of the listed paths.
func covered(path string, listed []string) bool {
	for _, item := range listed {
		if path == item || below(path, item) || below(item, path) {
			return true
		}
	}
	return false
}

func below(path, parent string) bool {
	return strings.HasPrefix(path, parent+".") || strings.HasPrefix(path, parent+"[")
}

// sameFixedName: two objects of one name cannot coexist, so the old one must go first. Autonamed ones can.
func sameFixedName(olds, news resource.PropertyMap) bool {
	return annotation(news, autonamed) != "true" &&
		text(olds, "metadata", "name") == text(news, "metadata", "name") &&
		text(olds, "metadata", "namespace") == text(news, "metadata", "namespace")
}
