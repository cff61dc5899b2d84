package kubernetes

import (
	"bytes"
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"platform.rig/plugins/pluginkit"
)

const identifierKey resource.PropertyKey = "clusterIdentifier"

// DiffConfig: with a clusterIdentifier before and after, only its change replaces the provider (and with it every
// resource). Without one, an unknown kubeconfig or another server or CA does.
func (p *Provider) DiffConfig(_ context.Context, req plugin.DiffConfigRequest) (plugin.DiffResult, error) {
	diff := pluginkit.InputDiff(req.OldInputs, req.NewInputs, func(string) bool { return false })
	result := plugin.DiffResult{Changes: diff.Changes}
	for _, key := range changedKeys(diff) {
		result.ChangedKeys = append(result.ChangedKeys, key)
		if replacesProvider(key, req.OldInputs, req.NewInputs) {
			result.ReplaceKeys = append(result.ReplaceKeys, key)
		}
	}
	return result, nil
}

// changedKeys are the top-level settings of a diff: none of them is looked into.
func changedKeys(diff plugin.DiffResult) []resource.PropertyKey {
	var keys []resource.PropertyKey
	for path := range diff.DetailedDiff {
		keys = append(keys, resource.PropertyKey(path))
	}
	return keys
}

func replacesProvider(key resource.PropertyKey, olds, news resource.PropertyMap) bool {
	before, after := pluginkit.Text(olds, string(identifierKey)), pluginkit.Text(news, string(identifierKey))
	switch {
	case before != "" && after != "":
		return before != after
	case before == "" && after != "", before != "" && after == "" && !pluginkit.Plain(news[identifierKey]).IsComputed():
		return false // adding or removing it is ignored
	case key == "kubeconfig":
		return otherCluster(pluginkit.Plain(olds[key]), pluginkit.Plain(news[key]))
	}
	return key == "context" || key == "cluster"
}

// otherCluster tells that two kubeconfigs may not speak of the same cluster.
func otherCluster(before, after resource.PropertyValue) bool {
	if !before.IsString() || !after.IsString() {
		return true
	}
	old, oldErr := activeCluster(before.StringValue())
	now, newErr := activeCluster(after.StringValue())
	if oldErr != nil || newErr != nil || old == nil || now == nil {
		return true
	}
	return old.Server != now.Server || !bytes.Equal(old.CertificateAuthorityData, now.CertificateAuthorityData)
}

func activeCluster(kubeconfig string) (*clientcmdapi.Cluster, error) {
	config, err := clientcmd.Load([]byte(kubeconfig))
	if err != nil {
		return nil, err
	}
	context, ok := config.Contexts[config.CurrentContext]
	if !ok {
		return nil, nil
	}
	return config.Clusters[context.Cluster], nil
}
