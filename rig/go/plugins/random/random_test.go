package random

import (
	"context"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"platform.rig/plugins/pluginkit"
)

const password = "random:index/randomPassword:RandomPassword"

func create(t *testing.T, token string, inputs map[string]any) resource.PropertyMap {
	t.Helper()
	made, err := New(&pluginkit.Log{}).Create(context.Background(), plugin.CreateRequest{
		Type: tokens.Type(token), Name: "r", Properties: resource.NewPropertyMapFromMap(inputs),
	})
	if err != nil {
		t.Fatal(err)
	}
	return made.Properties
}

func TestPasswordKeepsItsRules(t *testing.T) {
	outputs := create(t, password, map[string]any{"length": 40.0, "special": false, "minNumeric": 5.0, "minUpper": 5.0})
	text := pluginkit.Text(outputs, "result")
	count := func(characters string) int {
		return len(strings.Map(func(r rune) rune {
			if strings.ContainsRune(characters, r) {
				return r
			}
			return -1
		}, text))
	}
	if len(text) != 40 || count("0123456789") < 5 || count("ABCDEFGHIJKLMNOPQRSTUVWXYZ") < 5 || count(defaultSpecial) != 0 {
		t.Errorf("%q breaks its rules", text)
	}
}

func TestSecretOutputs(t *testing.T) {
	for token, secret := range map[string]map[string]bool{
		password:                                 {"result": true, "bcryptHash": true},
		"random:index/randomBytes:RandomBytes":   {"base64": true, "hex": true},
		"random:index/randomString:RandomString": {"result": false},
	} {
		outputs := create(t, token, map[string]any{"length": 16.0})
		for name, want := range secret {
			if outputs[resource.PropertyKey(name)].IsSecret() != want {
				t.Errorf("%s.%s: secret should be %v", token, name, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	p := New(&pluginkit.Log{})
	if _, err := p.Check(context.Background(), plugin.CheckRequest{Type: "random:index/randomPet:RandomPet"}); err == nil {
		t.Error("an unknown type was accepted")
	}
	check, _ := p.Check(context.Background(), plugin.CheckRequest{Type: password, News: resource.NewPropertyMapFromMap(map[string]any{"length": 8.0, "keeper": "x"})})
	if len(check.Failures) != 1 || !strings.Contains(check.Failures[0].Reason, ".keeper: unknown property") {
		t.Errorf("got %v", check.Failures)
	}
	if _, err := p.Create(context.Background(), plugin.CreateRequest{Type: password, Properties: resource.NewPropertyMapFromMap(map[string]any{"length": 2.0, "minLower": 3.0})}); err == nil {
		t.Error("three characters do not fit into two")
	}
}

func TestEveryChangeReplacesAndPreviewIsUnknown(t *testing.T) {
	p := New(&pluginkit.Log{})
	diff, _ := p.Diff(context.Background(), plugin.DiffRequest{OldInputs: resource.NewPropertyMapFromMap(map[string]any{"length": 8.0}),
		NewInputs: resource.NewPropertyMapFromMap(map[string]any{"length": 9.0})})
	if !pluginkit.Replaces(diff) {
		t.Errorf("got %+v", diff)
	}
	made, _ := p.Create(context.Background(), plugin.CreateRequest{Type: password, Preview: true})
	if !made.Properties["result"].IsComputed() {
		t.Errorf("got %v", made.Properties["result"])
	}
}
