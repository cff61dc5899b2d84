package kubernetes

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"platform.rig/plugins/pluginkit"
)

func object(values map[string]any) resource.PropertyMap {
	base := map[string]any{"metadata": map[string]any{"name": "x", "namespace": "ns"}}
	for key, value := range values {
		base[key] = value
	}
	return resource.NewPropertyMapFromMap(base)
}

func spec(key string, value any) map[string]any {
	return map[string]any{"spec": map[string]any{key: value}}
}

const (
	update      = "update"
	replacement = "replace"
)

// Recorded from the official plugin's rules.
func TestDiffTable(t *testing.T) {
	mutable := settings{secretMutable: true, configMapMutable: true}
	data := func(value string) map[string]any { return map[string]any{"data": map[string]any{"a": value}} }
	cases := []struct {
		name, token string
		settings    settings
		old, new    map[string]any
		want        string
	}{
		{"unchanged", "apps/v1:Deployment", settings{}, spec("replicas", 1.0), spec("replicas", 1.0), ""},
		{"deployment replicas", "apps/v1:Deployment", settings{}, spec("replicas", 1.0), spec("replicas", 2.0), update},
		{"deployment selector", "apps/v1:Deployment", settings{}, spec("selector", map[string]any{"matchLabels": map[string]any{"a": "1"}}),
			spec("selector", map[string]any{"matchLabels": map[string]any{"a": "2"}}), replacement},
		{"daemonset selector", "apps/v1:DaemonSet", settings{}, spec("selector", "a"), spec("selector", "b"), replacement},
		{"statefulset template", "apps/v1:StatefulSet", settings{}, spec("template", "a"), spec("template", "b"), update},
		{"statefulset service", "apps/v1:StatefulSet", settings{}, spec("serviceName", "a"), spec("serviceName", "b"), replacement},
		{"statefulset management", "apps/v1:StatefulSet", settings{}, spec("podManagementPolicy", "a"), spec("podManagementPolicy", "b"), replacement},
		{"statefulset claims", "apps/v1:StatefulSet", settings{}, spec("volumeClaimTemplates", []any{map[string]any{"a": "1"}}),
			spec("volumeClaimTemplates", []any{map[string]any{"a": "2"}}), replacement},
		{"job template", "batch/v1:Job", settings{}, spec("template", map[string]any{"a": "1"}), spec("template", map[string]any{"a": "2"}), replacement},
		{"job ttl", "batch/v1:Job", settings{}, spec("ttlSecondsAfterFinished", 1.0), spec("ttlSecondsAfterFinished", 2.0), update},
		{"cronjob template", "batch/v1:CronJob", settings{}, spec("jobTemplate", "a"), spec("jobTemplate", "b"), update},
		{"claim size", "core/v1:PersistentVolumeClaim", settings{}, spec("resources", "1Gi"), spec("resources", "2Gi"), update},
		{"claim class", "core/v1:PersistentVolumeClaim", settings{}, spec("storageClassName", "a"), spec("storageClassName", "b"), replacement},
		{"claim modes", "core/v1:PersistentVolumeClaim", settings{}, spec("accessModes", []any{"a"}), spec("accessModes", []any{"b"}), replacement},
		{"class parameters", "storage.k8s.io/v1:StorageClass", settings{}, map[string]any{"parameters": map[string]any{"a": "1"}}, map[string]any{"parameters": map[string]any{"a": "2"}}, replacement},
		{"class policy", "storage.k8s.io/v1:StorageClass", settings{}, map[string]any{"reclaimPolicy": "Delete"}, map[string]any{"reclaimPolicy": "Retain"}, update},
		{"binding role", "rbac.authorization.k8s.io/v1:RoleBinding", settings{}, map[string]any{"roleRef": map[string]any{"name": "a"}}, map[string]any{"roleRef": map[string]any{"name": "b"}}, replacement},
		{"binding subjects", "rbac.authorization.k8s.io/v1:RoleBinding", settings{}, map[string]any{"subjects": "a"}, map[string]any{"subjects": "b"}, update},
		{"service address", "core/v1:Service", settings{}, spec("clusterIP", "1"), spec("clusterIP", "None"), replacement},
		{"service ports", "core/v1:Service", settings{}, spec("ports", "1"), spec("ports", "2"), update},
		{"configmap data", "core/v1:ConfigMap", settings{}, data("1"), data("2"), replacement},
		{"configmap data, mutable", "core/v1:ConfigMap", mutable, data("1"), data("2"), update},
		{"configmap labels", "core/v1:ConfigMap", settings{}, map[string]any{}, map[string]any{"metadata": map[string]any{"name": "x", "namespace": "ns", "labels": map[string]any{"a": "1"}}}, update},
		{"secret data", "core/v1:Secret", settings{}, data("1"), data("2"), replacement},
		{"secret data, mutable", "core/v1:Secret", mutable, data("1"), data("2"), update},
		{"secret type, mutable", "core/v1:Secret", mutable, map[string]any{"type": "a"}, map[string]any{"type": "b"}, replacement},
		{"secret frozen itself", "core/v1:Secret", mutable, map[string]any{"immutable": true, "data": map[string]any{"a": "1"}}, map[string]any{"immutable": true, "data": map[string]any{"a": "2"}}, replacement},
		{"configmap patch", "core/v1:ConfigMapPatch", settings{}, data("1"), data("2"), update},
		{"name", "core/v1:ServiceAccount", settings{}, map[string]any{}, map[string]any{"metadata": map[string]any{"name": "y", "namespace": "ns"}}, replacement},
		{"namespace", "core/v1:ServiceAccount", settings{}, map[string]any{}, map[string]any{"metadata": map[string]any{"name": "x", "namespace": "other"}}, replacement},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			p := provider()
			p.settings = test.settings
			diff, err := p.Diff(background, plugin.DiffRequest{Type: tokens.Type("kubernetes:" + test.token), OldInputs: object(test.old), NewInputs: object(test.new)})
			if err != nil {
				t.Fatal(err)
			}
			got := map[bool]string{true: replacement, false: update}[pluginkit.Replaces(diff)]
			if diff.Changes == plugin.DiffNone {
				got = ""
			}
			if got != test.want {
				t.Errorf("got %q, want %q: %+v", got, test.want, diff)
			}
		})
	}
}

func TestDeleteBeforeReplaceOnlyWithAFixedName(t *testing.T) {
	automatic := map[string]any{"name": "x-1", "namespace": "ns", "annotations": map[string]any{autonamed: "true"}}
	cases := map[string]struct {
		old, new map[string]any
		want     bool
	}{
		"fixed":       {map[string]any{"type": "a"}, map[string]any{"type": "b"}, true},
		"autonamed":   {map[string]any{"type": "a", "metadata": automatic}, map[string]any{"type": "b", "metadata": automatic}, false},
		"other name":  {map[string]any{}, map[string]any{"metadata": map[string]any{"name": "y", "namespace": "ns"}}, false},
		"only update": {map[string]any{"immutable": false}, map[string]any{"immutable": true}, false},
	}
	for name, test := range cases {
		diff, err := provider().Diff(background, plugin.DiffRequest{Type: "kubernetes:core/v1:Secret", OldInputs: object(test.old), NewInputs: object(test.new)})
		if err != nil || diff.DeleteBeforeReplace != test.want {
			t.Errorf("%s: %+v %v", name, diff, err)
		}
	}
}

const kubeconfigText = `
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "SERVER"}}]
users: [{name: u, user: {token: "TOKEN"}}]
`

func TestProviderDiff(t *testing.T) {
	config := func(server, token, identifier string) resource.PropertyMap {
		props := resource.PropertyMap{"kubeconfig": pluginkit.Secret(kubeconfig(server, token))}
		if identifier != "" {
			props[identifierKey] = resource.NewStringProperty(identifier)
		}
		return props
	}
	unknown := func(identifier string) resource.PropertyMap {
		props := config("", "", identifier)
		props["kubeconfig"] = pluginkit.Unknown()
		return props
	}
	cases := map[string]struct {
		old, new resource.PropertyMap
		want     string
	}{
		"nothing":                       {config("a", "1", "id"), config("a", "1", "id"), ""},
		"kubeconfig with identifier":    {config("a", "1", "id"), config("b", "2", "id"), update},
		"unknown with identifier":       {config("a", "1", "id"), unknown("id"), update},
		"identifier":                    {config("a", "1", "id"), config("a", "1", "other"), replacement},
		"identifier added":              {config("a", "1", ""), config("a", "1", "id"), update},
		"server without identifier":     {config("a", "1", ""), config("b", "1", ""), replacement},
		"credential without identifier": {config("a", "1", ""), config("a", "2", ""), update},
		"unknown without identifier":    {config("a", "1", ""), unknown(""), replacement},
	}
	for name, test := range cases {
		diff, err := provider().DiffConfig(background, plugin.DiffConfigRequest{OldInputs: test.old, NewInputs: test.new})
		got := map[bool]string{true: replacement, false: update}[len(diff.ReplaceKeys) > 0]
		if diff.Changes == plugin.DiffNone {
			got = ""
		}
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, want %q: %+v %v", name, got, test.want, diff, err)
		}
	}
}
