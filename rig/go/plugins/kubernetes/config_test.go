package kubernetes

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

func kubeconfig(server, token string) string {
	return strings.NewReplacer("SERVER", server, "TOKEN", token).Replace(kubeconfigText)
}

func TestProviderSettings(t *testing.T) {
	cases := map[string]struct {
		settings map[string]any
		want     string
	}{
		"as the program sets them": {map[string]any{"enableServerSideApply": "true", "enableSecretMutable": "true", "clusterIdentifier": "x",
			"kubeClientSettings": `{"qps":200,"burst":400}`}, ""},
		"client-side apply": {map[string]any{"enableServerSideApply": "false"}, "kubernetes.enableServerSideApply"},
		"adoption":          {map[string]any{"upsertExistingObjects": "true", "enablePatchForce": "true"}, ""},
		"no adoption":       {map[string]any{"upsertExistingObjects": "false"}, ""},
		"half an adoption":  {map[string]any{"upsertExistingObjects": "yes"}, "kubernetes.upsertExistingObjects: \"yes\" is neither true nor false"},
		"render":            {map[string]any{"renderYamlToDirectory": "/tmp/x"}, "kubernetes.renderYamlToDirectory"},
		"unknown":           {map[string]any{"kubeConfig": "x"}, "kubernetes.kubeConfig: unknown property"},
		"unknown client":    {map[string]any{"kubeClientSettings": `{"rps":1}`}, "kubernetes.kubeClientSettings.rps: unknown property"},
		"no kubeconfig":     {map[string]any{"kubeconfig": nil}, "kubernetes.kubeconfig: missing"},
	}
	for name, test := range cases {
		inputs := map[string]any{"kubeconfig": kubeconfig("https://127.0.0.1:1", "t")}
		for key, value := range test.settings {
			inputs[key] = value
		}
		response, err := provider().CheckConfig(background, plugin.CheckConfigRequest{News: resource.NewPropertyMapFromMap(inputs)})
		if err != nil {
			t.Fatal(err)
		}
		if (test.want == "") != (len(response.Failures) == 0) || (test.want != "" && !strings.HasPrefix(response.Failures[0].Reason, test.want)) {
			t.Errorf("%s: got %v, want %q", name, response.Failures, test.want)
		}
	}
}

func TestConfigureReadsWhatTheSDKSends(t *testing.T) {
	p := provider()
	_, err := p.Configure(background, plugin.ConfigureRequest{Inputs: resource.NewPropertyMapFromMap(map[string]any{
		"kubeconfig": kubeconfig("https://127.0.0.1:1", "t"), "enableSecretMutable": "true", "enableConfigMapMutable": "false",
		"kubeClientSettings": `{"qps":200,"burst":400,"timeout":7}`,
	})})
	if err != nil {
		t.Fatal(err)
	}
	if s := p.settings; !s.secretMutable || s.configMapMutable || s.qps != 200 || s.burst != 400 || s.timeout.Seconds() != 7 {
		t.Errorf("got %+v", s)
	}
}

func TestConfigureRefusesAPath(t *testing.T) {
	_, err := provider().Configure(background, plugin.ConfigureRequest{Inputs: resource.NewPropertyMapFromMap(map[string]any{"kubeconfig": "/etc/rancher/k3s/k3s.yaml"})})
	if err == nil || !strings.Contains(err.Error(), "does not read paths") {
		t.Errorf("got %v", err)
	}
}
