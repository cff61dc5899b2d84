package kubernetes

import (
	"encoding/base64"
	"math"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

// body turns inputs into the object that is sent: secrets unwrapped, unknown values left out, whole numbers as
// integers. Keys with a leading "__" are Pulumi's own.
func body(props resource.PropertyMap) map[string]any {
	object := map[string]any{}
	for key, value := range props {
		if resource.IsInternalPropertyKey(key) {
			continue
		}
		if plain, ok := plainValue(value); ok {
			object[string(key)] = plain
		}
	}
	return object
}

// sent is the body as it goes to the server. A Secret's stringData becomes data: the server stores only that, so a key
// that leaves stringData would otherwise stay in the Secret for ever.
func sent(k kind, inputs resource.PropertyMap) map[string]any {
	object := body(inputs)
	texts, ok := object["stringData"].(map[string]any)
	if k.gvk.Kind != "Secret" || !ok {
		return object
	}
	data, _ := object["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	for key, value := range texts {
		if text, ok := value.(string); ok {
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
	}
	delete(object, "stringData")
	object["data"] = data
	return object
}

// plainValue reports false for unknown and null values.
func plainValue(value resource.PropertyValue) (any, bool) {
	value = pluginkit.Plain(value)
	switch {
	case value.V == nil || value.IsNull() || value.IsComputed():
		return nil, false
	case value.IsObject():
		return body(value.ObjectValue()), true
	case value.IsArray():
		items := []any{}
		for _, item := range value.ArrayValue() {
			if plain, ok := plainValue(item); ok {
				items = append(items, plain)
			}
		}
		return items, true
	case value.IsNumber():
		if number := value.NumberValue(); number == math.Trunc(number) {
			return int64(number), true
		}
	}
	return value.V, true
}

// at follows keys through objects, under secret wrappers too.
func at(props resource.PropertyMap, path ...string) resource.PropertyValue {
	value := resource.NewObjectProperty(props)
	for _, key := range path {
		value = pluginkit.Plain(value)
		if value.V == nil || !value.IsObject() {
			return resource.NewNullProperty()
		}
		value = value.ObjectValue()[resource.PropertyKey(key)]
	}
	return value
}

// text is at for strings; absent and unknown are "".
func text(props resource.PropertyMap, path ...string) string {
	if value := pluginkit.Plain(at(props, path...)); value.V != nil && value.IsString() {
		return value.StringValue()
	}
	return ""
}

// with returns a copy of props where the string stands at path; objects on the way are made.
func with(props resource.PropertyMap, value string, path ...string) resource.PropertyMap {
	result := props.Copy()
	if result == nil {
		result = resource.PropertyMap{}
	}
	key := resource.PropertyKey(path[0])
	if len(path) == 1 {
		result[key] = resource.NewStringProperty(value)
		return result
	}
	child := result[key]
	nested := resource.NewObjectProperty(with(pluginkit.Nested(result, path[0]), value, path[1:]...))
	if child.IsSecret() {
		nested = resource.MakeSecret(nested)
	}
	result[key] = nested
	return result
}
