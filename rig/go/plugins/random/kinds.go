package random

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/bcrypt"

	"platform.rig/plugins/pluginkit"
)

var textFields = pluginkit.Fields{
	"length": {Kind: pluginkit.Number, Required: true}, "keepers": {Kind: pluginkit.StringMap},
	"lower": {Kind: pluginkit.Bool}, "upper": {Kind: pluginkit.Bool}, "numeric": {Kind: pluginkit.Bool}, "special": {Kind: pluginkit.Bool},
	"minLower": {Kind: pluginkit.Number}, "minUpper": {Kind: pluginkit.Number}, "minNumeric": {Kind: pluginkit.Number}, "minSpecial": {Kind: pluginkit.Number},
	"overrideSpecial": {Kind: pluginkit.String},
	"number":          {Refuse: func(resource.PropertyValue) string { return "deprecated: use numeric" }},
}

var textDefaults = resource.NewPropertyMapFromMap(map[string]any{
	"lower": true, "upper": true, "numeric": true, "special": true,
	"minLower": 0.0, "minUpper": 0.0, "minNumeric": 0.0, "minSpecial": 0.0,
})

var kinds = map[string]kind{
	"random:index/randomPassword:RandomPassword": {
		fields: textFields, defaults: textDefaults, computed: []string{"result", "bcryptHash"}, secret: true, make: makePassword,
	},
	"random:index/randomString:RandomString": {
		fields: textFields, defaults: textDefaults, computed: []string{"result"}, make: makeString,
	},
	"random:index/randomId:RandomId": {
		fields:   pluginkit.Fields{"byteLength": {Kind: pluginkit.Number, Required: true}, "keepers": {Kind: pluginkit.StringMap}, "prefix": {Kind: pluginkit.String}},
		defaults: resource.PropertyMap{}, computed: []string{"b64Std", "b64Url", "dec", "hex"}, make: makeID,
	},
	"random:index/randomBytes:RandomBytes": {
		fields:   pluginkit.Fields{"length": {Kind: pluginkit.Number, Required: true}, "keepers": {Kind: pluginkit.StringMap}},
		defaults: resource.PropertyMap{}, computed: []string{"base64", "hex"}, secret: true, make: makeBytes,
	},
}

func makePassword(inputs resource.PropertyMap) (string, map[string]resource.PropertyValue, error) {
	text, err := randomText(inputs)
	if err != nil {
		return "", nil, err
	}
	// bcrypt reads 72 bytes and refuses more.
	hash, err := bcrypt.GenerateFromPassword([]byte(text[:min(len(text), 72)]), bcrypt.DefaultCost)
	return "none", texts("result", text, "bcryptHash", string(hash)), err
}

func makeString(inputs resource.PropertyMap) (string, map[string]resource.PropertyValue, error) {
	text, err := randomText(inputs)
	return text, texts("result", text), err
}

func makeID(inputs resource.PropertyMap) (string, map[string]resource.PropertyValue, error) {
	raw, err := randomBytes(pluginkit.Integer(inputs, "byteLength", 0))
	prefix, url := pluginkit.Text(inputs, "prefix"), base64.RawURLEncoding.EncodeToString(raw)
	return url, texts(
		"b64Url", prefix+url,
		"b64Std", prefix+base64.StdEncoding.EncodeToString(raw),
		"hex", prefix+hex.EncodeToString(raw),
		"dec", prefix+new(big.Int).SetBytes(raw).String(),
	), err
}

func makeBytes(inputs resource.PropertyMap) (string, map[string]resource.PropertyValue, error) {
	raw, err := randomBytes(pluginkit.Integer(inputs, "length", 0))
	return "none", texts("base64", base64.StdEncoding.EncodeToString(raw), "hex", hex.EncodeToString(raw)), err
}

func randomBytes(length int) ([]byte, error) {
	if length < 1 {
		return nil, fmt.Errorf("length: %d is not positive", length)
	}
	raw := make([]byte, length)
	_, err := rand.Read(raw)
	return raw, err
}

func texts(pairs ...string) map[string]resource.PropertyValue {
	values := map[string]resource.PropertyValue{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = resource.NewStringProperty(pairs[i+1])
	}
	return values
}
