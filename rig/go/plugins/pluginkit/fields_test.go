package pluginkit

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

var table = Fields{
	"host":    {Kind: String, Required: true},
	"port":    {Kind: Number},
	"logging": {Kind: String, OneOf: []string{"none", "stdout"}},
	"nested":  {Kind: Object, Fields: Fields{"key": {Kind: String}}},
	"old":     {Refuse: func(resource.PropertyValue) string { return "not here" }},
}

func TestCheckFields(t *testing.T) {
	cases := map[string]struct {
		inputs map[string]any
		want   string // "" is no failure
	}{
		"accepted":          {map[string]any{"host": "h", "port": 22.0, "nested": map[string]any{"key": "k"}}, ""},
		"unknown property":  {map[string]any{"host": "h", "hots": "x"}, "t.hots: unknown property"},
		"nested unknown":    {map[string]any{"host": "h", "nested": map[string]any{"kye": "k"}}, "t.nested.kye: unknown property"},
		"missing":           {map[string]any{}, "t.host: missing required property"},
		"null is missing":   {map[string]any{"host": nil}, "t.host: missing required property"},
		"wrong shape":       {map[string]any{"host": "h", "port": "22"}, "t.port: a string is not what this property takes"},
		"not in the list":   {map[string]any{"host": "h", "logging": "some"}, `t.logging: "some" is not one of none, stdout`},
		"refused":           {map[string]any{"host": "h", "old": true}, "t.old: not here"},
		"secret is checked": {map[string]any{"host": &resource.Secret{Element: resource.NewNumberProperty(1)}}, "t.host: a number is not"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			failures := CheckFields("t", resource.NewPropertyMapFromMap(test.inputs), table)
			if test.want == "" {
				if len(failures) > 0 {
					t.Fatalf("unexpected: %v", failures)
				}
				return
			}
			if len(failures) != 1 || !strings.HasPrefix(failures[0].Reason, test.want) {
				t.Fatalf("got %v, want one failure %q", failures, test.want)
			}
			if failures[0].Property != "" {
				t.Error("a failure with Property makes the engine print the value")
			}
		})
	}
}

func TestUnknownValuesPass(t *testing.T) {
	inputs := resource.PropertyMap{"host": Unknown(), "port": resource.MakeSecret(Unknown())}
	if failures := CheckFields("t", inputs, table); len(failures) > 0 {
		t.Fatalf("unexpected: %v", failures)
	}
}
