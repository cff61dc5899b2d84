package tlscert

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"platform.rig/plugins/pluginkit"
)

const (
	keyToken  = "tls:index/privateKey:PrivateKey"
	csrToken  = "tls:index/certRequest:CertRequest"
	selfToken = "tls:index/selfSignedCert:SelfSignedCert"
	leafToken = "tls:index/locallySignedCert:LocallySignedCert"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func at(now time.Time) *Provider {
	p := New(&pluginkit.Log{}).(*Provider)
	p.Now = func() time.Time { return now }
	return p
}

func create(t *testing.T, token string, inputs map[string]any) resource.PropertyMap {
	t.Helper()
	made, err := at(start).Create(context.Background(), plugin.CreateRequest{Type: tokens.Type(token), Properties: resource.NewPropertyMapFromMap(inputs)})
	if err != nil {
		t.Fatal(err)
	}
	return made.Properties
}

func authority(t *testing.T) (certificate, key string) {
	t.Helper()
	key = pluginkit.Text(create(t, keyToken, map[string]any{"algorithm": "ECDSA", "ecdsaCurve": "P256"}), "privateKeyPem")
	ca := create(t, selfToken, map[string]any{"privateKeyPem": key, "isCaCertificate": true, "maxPathLength": 0.0, "validityPeriodHours": 2000.0,
		"allowedUses": []any{"cert_signing"}, "subject": map[string]any{"commonName": "ca"}, "setSubjectKeyId": true})
	return pluginkit.Text(ca, "certPem"), key
}

func leaf(t *testing.T, algorithm string) (resource.PropertyMap, string) {
	t.Helper()
	certificate, key := authority(t)
	leafKey := pluginkit.Text(create(t, keyToken, map[string]any{"algorithm": algorithm, "ecdsaCurve": "P384"}), "privateKeyPem")
	request := create(t, csrToken, map[string]any{"privateKeyPem": leafKey, "dnsNames": []any{"api.test"}, "ipAddresses": []any{"10.0.0.1"},
		"subject": map[string]any{"commonName": "api"}})
	return create(t, leafToken, map[string]any{"certRequestPem": pluginkit.Text(request, "certRequestPem"), "caCertPem": certificate, "caPrivateKeyPem": key,
		"validityPeriodHours": 1000.0, "earlyRenewalHours": 100.0, "allowedUses": []any{"server_auth", "digital_signature"}}), certificate
}

func TestLeafVerifiesAgainstItsAuthority(t *testing.T) {
	for _, algorithm := range []string{"RSA", "ECDSA", "ED25519"} {
		outputs, authority := leaf(t, algorithm)
		block, _ := pem.Decode([]byte(pluginkit.Text(outputs, "certPem")))
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(authority))
		for _, name := range []string{"api.test", "10.0.0.1"} {
			if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: start.Add(time.Hour)}); err != nil {
				t.Errorf("%s %s: %v", algorithm, name, err)
			}
		}
		if len(certificate.AuthorityKeyId) == 0 {
			t.Error("no authority key id")
		}
		if end := pluginkit.Text(outputs, "validityEndTime"); end != "2030-02-11T16:00:00Z" {
			t.Errorf("validityEndTime %s", end)
		}
	}
}

func TestKeysAreSecret(t *testing.T) {
	for _, algorithm := range []string{"RSA", "ECDSA", "ED25519"} {
		outputs := create(t, keyToken, map[string]any{"algorithm": algorithm, "ecdsaCurve": "P256", "rsaBits": 2048.0})
		for _, name := range []resource.PropertyKey{"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"} {
			if !outputs[name].IsSecret() || !strings.Contains(pluginkit.Text(outputs, string(name)), "PRIVATE KEY") {
				t.Errorf("%s.%s is not a secret key", algorithm, name)
			}
		}
		if !strings.HasPrefix(pluginkit.Text(outputs, "publicKeyOpenssh"), map[string]string{"RSA": "ssh-rsa ", "ECDSA": "ecdsa-sha2-nistp256 ", "ED25519": "ssh-ed25519 "}[algorithm]) {
			t.Errorf("%s: %s", algorithm, pluginkit.Text(outputs, "publicKeyOpenssh"))
		}
	}
}

func TestRenewalWindow(t *testing.T) {
	state, _ := leaf(t, "ED25519")
	hours := func(n float64) resource.PropertyMap {
		return resource.PropertyMap{earlyRenewal: resource.NewNumberProperty(n)}
	}
	cases := map[string]struct {
		now       time.Time
		olds      float64
		news      float64
		changes   plugin.DiffChanges
		replacing bool
	}{
		"before the window":          {start.Add(899 * time.Hour), 100, 100, plugin.DiffNone, false},
		"in the window":              {start.Add(900 * time.Hour), 100, 100, plugin.DiffSome, true},
		"window changed, not inside": {start, 100, 200, plugin.DiffSome, false},
		"window changed, now inside": {start.Add(850 * time.Hour), 100, 200, plugin.DiffSome, true},
	}
	for name, test := range cases {
		diff, err := at(test.now).Diff(context.Background(), plugin.DiffRequest{OldInputs: hours(test.olds), NewInputs: hours(test.news), OldOutputs: state})
		if err != nil || diff.Changes != test.changes || pluginkit.Replaces(diff) != test.replacing {
			t.Errorf("%s: %+v %v", name, diff, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	inputs := map[string]any{"allowedUses": []any{"server_auth", "flying"}, "validityPeriodHours": 1.0, "certRequestPem": "", "caCertPem": "", "caPrivateKeyPem": "", "caPrivateKeyPemWo": "x"}
	check, err := at(start).Check(context.Background(), plugin.CheckRequest{Type: leafToken, News: resource.NewPropertyMapFromMap(inputs)})
	if err != nil || len(check.Failures) != 2 {
		t.Fatalf("got %v %v", check.Failures, err)
	}
	if _, _, err := parseKey("caPrivateKeyPem", "SECRET-GARBAGE"); err == nil || strings.Contains(err.Error(), "GARBAGE") {
		t.Errorf("got %v", err)
	}
}
