package kubernetes

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"platform.rig/plugins/pluginkit"
)

func TestSecretInputsGiveSecretOutputs(t *testing.T) {
	found := live(t, `{metadata: {name: x, managedFields: [{manager: m}]}, data: {open: a, hidden: b}, list: [{value: a}, {value: b}], status: {phase: Active}}`)
	inputs := resource.NewPropertyMapFromMap(map[string]any{"data": map[string]any{"open": "a"}, "list": []any{map[string]any{"value": "a"}, map[string]any{}}})
	inputs["data"].ObjectValue()["hidden"] = pluginkit.Secret("b")
	inputs["list"].ArrayValue()[1].ObjectValue()["value"] = pluginkit.Secret("b")
	result := outputs(found, inputs, "manager")
	if at(result, "data", "open").IsSecret() || !at(result, "data", "hidden").IsSecret() {
		t.Errorf("data: %v", result["data"])
	}
	items := result["list"].ArrayValue()
	if items[0].ContainsSecrets() || !items[1].ContainsSecrets() {
		t.Errorf("list: %v", items)
	}
	if text(result, fieldManagerKey) != "manager" || text(result, "status", "phase") != "Active" || at(result, "metadata").ObjectValue().HasValue("managedFields") {
		t.Errorf("got %v", result)
	}
}

// What the engine receives, not what this package holds.
func TestSecretsAreSecretOnTheWire(t *testing.T) {
	_, p := newAPIServer(t)
	server := plugin.NewProviderServer(p)
	if _, err := server.Handshake(background, &pulumirpc.ProviderHandshakeRequest{}); err != nil {
		t.Fatal(err)
	}
	inputs := configMap(map[string]any{"name": "x", "namespace": "ns"}, nil)
	inputs["data"] = resource.MakeSecret(inputs["data"])
	properties, err := plugin.MarshalProperties(inputs, plugin.MarshalOptions{KeepSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	const urn = "urn:pulumi:stack::project::" + configMapToken + "::x"
	made, err := server.Create(background, &pulumirpc.CreateRequest{Urn: urn, Name: "x", Type: configMapToken, Properties: properties})
	if err != nil {
		t.Fatal(err)
	}
	if signature := made.Properties.Fields["data"].GetStructValue().GetFields()[resource.SigKey]; signature.GetStringValue() != resource.SecretSig {
		t.Errorf("got %v", made.Properties.Fields["data"])
	}
}
