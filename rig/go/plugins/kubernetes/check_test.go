package kubernetes

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"platform.rig/plugins/pluginkit"
)

var background = context.Background()

func provider() *Provider { return New(&pluginkit.Log{}).(*Provider) }

func configMap(metadata, changes map[string]any) resource.PropertyMap {
	object := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": map[string]any{"a": "1"}}
	for key, value := range changes {
		object[key] = value
	}
	return resource.NewPropertyMapFromMap(object)
}

func check(t *testing.T, token string, olds, news resource.PropertyMap) plugin.CheckResponse {
	t.Helper()
	response, err := provider().Check(background, plugin.CheckRequest{Type: tokens.Type(token), Name: "settings", Olds: olds, News: news})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

const configMapToken = "kubernetes:core/v1:ConfigMap"

func TestCheckRefuses(t *testing.T) {
	named := map[string]any{"name": "x"}
	annotated := func(key, value string) map[string]any {
		return map[string]any{"name": "x", "annotations": map[string]any{key: value}}
	}
	cases := map[string]struct {
		inputs resource.PropertyMap
		want   string
	}{
		"fine":                  {configMap(named, nil), ""},
		"unknown field":         {configMap(named, map[string]any{"dta": map[string]any{}}), `unknown field "dta"`},
		"wrong case":            {configMap(map[string]any{"Name": "x", "name": "x"}, nil), `unknown field "metadata.Name"`},
		"wrong type":            {configMap(named, map[string]any{"data": map[string]any{"a": 1.0}}), "cannot unmarshal"},
		"wrong kind":            {configMap(named, map[string]any{"kind": "Secret"}), "do not fit"},
		"status":                {configMap(named, map[string]any{"status": map[string]any{}}), "status"},
		"waitFor":               {configMap(annotated("pulumi.com/waitFor", "x"), nil), "metadata.annotations[pulumi.com/waitFor]"},
		"unknown annotation":    {configMap(annotated("pulumi.com/skipawait", "true"), nil), "does not implement this annotation"},
		"annotation value":      {configMap(annotated("pulumi.com/skipAwait", "yes"), nil), `"yes" is not one of`},
		"foreign annotation":    {configMap(annotated("example.com/x", "y"), nil), ""},
		"generateName":          {configMap(map[string]any{"name": "x", "generateName": "x-"}, nil), "metadata.generateName"},
		"unknown value is fine": {configMap(named, map[string]any{"data": pluginkit.Unknown()}), ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			failures := check(t, configMapToken, nil, test.inputs).Failures
			if (test.want == "") != (len(failures) == 0) || (test.want != "" && !strings.Contains(failures[0].Reason, test.want)) {
				t.Fatalf("got %v, want %q", failures, test.want)
			}
		})
	}
}

func TestUnknownKindsAreRefused(t *testing.T) {
	for _, token := range []string{"kubernetes:core/v1:Pod", "kubernetes:core/v1:SecretPatch", "kubernetes:apps/v1beta1:Deployment", "kubernetes:yaml:ConfigFile"} {
		if _, err := provider().Check(background, plugin.CheckRequest{Type: tokens.Type(token)}); err == nil || !strings.Contains(err.Error(), token) {
			t.Errorf("%s: got %v", token, err)
		}
	}
}

func TestEveryKnownKindIsInTheScheme(t *testing.T) {
	for name := range known {
		kind, ok := kindOf("kubernetes:" + name)
		if !ok {
			t.Fatalf("%s does not resolve", name)
		}
		object := map[string]any{"apiVersion": kind.gvk.GroupVersion().String(), "kind": kind.gvk.Kind, "flying": true}
		if problems := strictErrors(kind.gvk, object); len(problems) != 1 || !strings.Contains(problems[0].Error(), `unknown field "flying"`) {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestAutonaming(t *testing.T) {
	first := check(t, configMapToken, nil, configMap(map[string]any{}, nil)).Properties
	name := text(first, "metadata", "name")
	if !regexp.MustCompile(`^settings-[0-9a-f]{8}$`).MatchString(name) || annotation(first, autonamed) != "true" {
		t.Fatalf("got %v", first)
	}
	if again := check(t, configMapToken, first, configMap(map[string]any{}, nil)).Properties; text(again, "metadata", "name") != name {
		t.Errorf("the name changed from %s to %s", name, text(again, "metadata", "name"))
	}
	if other := check(t, configMapToken, nil, configMap(map[string]any{}, nil)).Properties; text(other, "metadata", "name") == name {
		t.Error("a replacement must get a name of its own")
	}
	if _, err := provider().Check(background, plugin.CheckRequest{Type: "kubernetes:core/v1:ServiceAccountPatch", News: configMap(map[string]any{}, nil)}); err == nil {
		t.Error("a Patch without a name was accepted")
	}
}

func TestNamespaceIsFilledInForNamespacedKinds(t *testing.T) {
	filled := check(t, configMapToken, nil, configMap(map[string]any{"name": "x"}, nil)).Properties
	if text(filled, "metadata", "namespace") != "default" {
		t.Errorf("got %v", filled)
	}
	namespace := resource.NewPropertyMapFromMap(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "x"}})
	if text(check(t, "kubernetes:core/v1:Namespace", nil, namespace).Properties, "metadata", "namespace") != "" {
		t.Error("a cluster-wide kind got a namespace")
	}
}

func TestSecretnessSurvivesCheckAndMarshalling(t *testing.T) {
	inputs := resource.NewPropertyMapFromMap(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{}})
	inputs["stringData"] = resource.MakeSecret(resource.NewObjectProperty(resource.PropertyMap{"password": resource.NewStringProperty("hunter2")}))
	checked := check(t, "kubernetes:core/v1:Secret", nil, inputs).Properties
	if !checked["stringData"].IsSecret() {
		t.Fatal("the check took the secretness away")
	}
	wire, err := plugin.MarshalProperties(checked, plugin.MarshalOptions{KeepSecrets: true})
	if err != nil || wire.Fields["stringData"].GetStructValue().Fields[resource.SigKey].GetStringValue() != resource.SecretSig {
		t.Errorf("not a secret on the wire: %v %v", wire, err)
	}
	if body(checked)["stringData"].(map[string]any)["password"] != "hunter2" {
		t.Error("the body does not hold the value")
	}
}
