package tlscert

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

const earlyRenewal = "earlyRenewalHours"

// kind is one resource type: its inputs, the outputs that it makes, and how.
type kind struct {
	fields   pluginkit.Fields
	defaults resource.PropertyMap
	computed []string
	make     func(inputs resource.PropertyMap, now time.Time) (id string, values resource.PropertyMap, err error)
}

var subject = pluginkit.Field{Kind: pluginkit.Object, Fields: pluginkit.Fields{
	"commonName": {Kind: pluginkit.String}, "country": {Kind: pluginkit.String}, "locality": {Kind: pluginkit.String},
	"organization": {Kind: pluginkit.String}, "organizationalUnit": {Kind: pluginkit.String}, "postalCode": {Kind: pluginkit.String},
	"province": {Kind: pluginkit.String}, "serialNumber": {Kind: pluginkit.String}, "streetAddresses": {Kind: pluginkit.Strings},
}}

var (
	requestFields = pluginkit.Fields{
		"privateKeyPem": {Kind: pluginkit.String, Required: true}, "subject": subject,
		"dnsNames": {Kind: pluginkit.Strings}, "ipAddresses": {Kind: pluginkit.Strings}, "uris": {Kind: pluginkit.Strings},
	}
	certificateFields = pluginkit.Fields{
		"allowedUses": {Kind: pluginkit.Strings, Required: true, Refuse: unknownUse}, "validityPeriodHours": {Kind: pluginkit.Number, Required: true},
		earlyRenewal: {Kind: pluginkit.Number}, "isCaCertificate": {Kind: pluginkit.Bool}, "maxPathLength": {Kind: pluginkit.Number},
		"setSubjectKeyId": {Kind: pluginkit.Bool},
	}
	selfSignedFields = merged(requestFields, certificateFields, pluginkit.Fields{"setAuthorityKeyId": {Kind: pluginkit.Bool}})
	locallyFields    = merged(certificateFields, pluginkit.Fields{
		"certRequestPem": {Kind: pluginkit.String, Required: true}, "caCertPem": {Kind: pluginkit.String, Required: true},
		"caPrivateKeyPem": {Kind: pluginkit.String, Required: true},
	})
	certificateDefaults = resource.NewPropertyMapFromMap(map[string]any{earlyRenewal: 0.0, "isCaCertificate": false, "setSubjectKeyId": false})
	certificateOutputs  = []string{"certPem", "readyForRenewal", "validityStartTime", "validityEndTime"}
)

var kinds = map[string]kind{
	"tls:index/privateKey:PrivateKey": {
		fields: pluginkit.Fields{
			"algorithm":  {Kind: pluginkit.String, Required: true, OneOf: []string{"RSA", "ECDSA", "ED25519"}},
			"ecdsaCurve": {Kind: pluginkit.String, OneOf: []string{"P224", "P256", "P384", "P521"}},
			"rsaBits":    {Kind: pluginkit.Number},
		},
		defaults: resource.NewPropertyMapFromMap(map[string]any{"ecdsaCurve": "P224", "rsaBits": 2048.0}),
		computed: []string{"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh", "publicKeyPem", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"},
		make:     makePrivateKey,
	},
	"tls:index/certRequest:CertRequest": {
		fields: requestFields, defaults: resource.PropertyMap{}, computed: []string{"certRequestPem", "keyAlgorithm"}, make: makeRequest,
	},
	"tls:index/selfSignedCert:SelfSignedCert": {
		fields: selfSignedFields, defaults: certificateDefaults, computed: append([]string{"keyAlgorithm"}, certificateOutputs...), make: makeSelfSigned,
	},
	"tls:index/locallySignedCert:LocallySignedCert": {
		fields: locallyFields, defaults: certificateDefaults, computed: append([]string{"caKeyAlgorithm"}, certificateOutputs...), make: makeLocallySigned,
	},
}

func merged(tables ...pluginkit.Fields) pluginkit.Fields {
	all := pluginkit.Fields{}
	for _, table := range tables {
		for name, field := range table {
			all[name] = field
		}
	}
	return all
}
