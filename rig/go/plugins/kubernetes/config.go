package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

// settings are the provider's inputs, read. Rates are requests per second.
type settings struct {
	kubeconfig        string
	kubeconfigUnknown bool
	context, cluster  string
	namespace         string // "" is the context's own, then "default"
	deleteUnreachable bool
	patchForce        bool
	secretMutable     bool
	configMapMutable  bool
	upsert            bool // a create adopts what has its name
	qps               float32
	burst             int
	timeout           time.Duration
}

// The SDK sends everything that is not a string as JSON text.
var configFields = pluginkit.Fields{
	"version": {Kind: pluginkit.String}, "kubeconfig": {Kind: pluginkit.String}, "context": {Kind: pluginkit.String}, "cluster": {Kind: pluginkit.String},
	"clusterIdentifier": {Kind: pluginkit.String}, "namespace": {Kind: pluginkit.String},
	"enableServerSideApply":  {Refuse: unless("true", "the rig implements server-side apply only")},
	"enableSecretMutable":    {},
	"enableConfigMapMutable": {},
	"enablePatchForce":       {},
	"deleteUnreachable":      {},
	"kubeClientSettings":     {},
	"upsertExistingObjects":  {Refuse: noFlag},
	"skipUpdateUnreachable":  {Refuse: unless("false", "the rig does not skip updates")},
	"renderYamlToDirectory":  {Refuse: unless("", "the rig does not render")},
	"alwaysRender":           {Refuse: unless("false", "the rig does not render")},
	"helmReleaseSettings":    {Refuse: unless("{}", "the rig has no Helm")},

	"suppressDeprecationWarnings": {}, "suppressHelmHookWarnings": {},
}

var clientFields = pluginkit.Fields{"qps": {Kind: pluginkit.Number}, "burst": {Kind: pluginkit.Number}, "timeout": {Kind: pluginkit.Number}}

func unless(allowed, reason string) func(resource.PropertyValue) string {
	return func(value resource.PropertyValue) string {
		if fmt.Sprint(value.Mappable()) == allowed {
			return ""
		}
		return reason
	}
}

// noFlag refuses what is neither true nor false: a misspelt value must not count as "no".
func noFlag(value resource.PropertyValue) string {
	if text := fmt.Sprint(value.Mappable()); text != "true" && text != "false" {
		return fmt.Sprintf("%q is neither true nor false", text)
	}
	return ""
}

// CheckConfig compares the settings with the table and demands a kubeconfig: the rig never falls back to the operator's own.
func (p *Provider) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	inputs := pluginkit.WithoutNulls(req.News)
	failures := pluginkit.CheckFields("kubernetes", inputs, configFields)
	if pluginkit.IsAbsent(inputs["kubeconfig"]) {
		failures = append(failures, plugin.CheckFailure{Reason: "kubernetes.kubeconfig: missing; the rig never uses the operator's own kubeconfig"})
	}
	client, err := jsonSetting(inputs, "kubeClientSettings")
	if err != nil {
		failures = append(failures, plugin.CheckFailure{Reason: err.Error()})
	}
	failures = append(failures, pluginkit.CheckFields("kubernetes.kubeClientSettings", client, clientFields)...)
	return plugin.CheckConfigResponse{Properties: inputs, Failures: failures}, nil
}

// jsonSetting reads an object that the SDK sent as JSON text; absent or unknown is empty.
func jsonSetting(inputs resource.PropertyMap, name string) (resource.PropertyMap, error) {
	text := pluginkit.Text(inputs, name)
	if text == "" {
		return pluginkit.Nested(inputs, name), nil
	}
	values := map[string]any{}
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, fmt.Errorf("kubernetes.%s: not a JSON object: %w", name, err)
	}
	return resource.NewPropertyMapFromMap(values), nil
}

// flagSetting reads a boolean that the SDK sent as JSON text.
func flagSetting(inputs resource.PropertyMap, name string) bool {
	return pluginkit.Text(inputs, name) == "true" || pluginkit.Flag(inputs, name, false)
}

// Configure reads the settings. It does not connect: an unreachable cluster must not fail a preview.
func (p *Provider) Configure(_ context.Context, req plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	inputs := req.Inputs
	client, err := jsonSetting(inputs, "kubeClientSettings")
	if err != nil {
		return plugin.ConfigureResponse{}, err
	}
	p.settings = settings{
		kubeconfig:        pluginkit.Text(inputs, "kubeconfig"),
		kubeconfigUnknown: pluginkit.Plain(inputs["kubeconfig"]).IsComputed(),
		context:           pluginkit.Text(inputs, "context"),
		cluster:           pluginkit.Text(inputs, "cluster"),
		namespace:         pluginkit.Text(inputs, "namespace"),
		deleteUnreachable: flagSetting(inputs, "deleteUnreachable"),
		patchForce:        flagSetting(inputs, "enablePatchForce"),
		secretMutable:     flagSetting(inputs, "enableSecretMutable"),
		configMapMutable:  flagSetting(inputs, "enableConfigMapMutable"),
		upsert:            flagSetting(inputs, "upsertExistingObjects"),
		qps:               float32(pluginkit.Integer(client, "qps", 50)),
		burst:             pluginkit.Integer(client, "burst", 120),
		timeout:           time.Duration(pluginkit.Integer(client, "timeout", 30)) * time.Second,
	}
	if p.settings.kubeconfigUnknown {
		return plugin.ConfigureResponse{}, nil
	}
	p.cluster, err = connect(p.settings)
	return plugin.ConfigureResponse{}, err
}
