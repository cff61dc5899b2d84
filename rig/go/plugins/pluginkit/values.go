package pluginkit

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Plain takes off secret wrappers, at the top only; an unknown output becomes a computed value.
func Plain(value resource.PropertyValue) resource.PropertyValue {
	for {
		switch {
		case value.IsSecret():
			value = value.SecretValue().Element
		case value.IsOutput():
			if !value.OutputValue().Known {
				return resource.MakeComputed(resource.NewStringProperty(""))
			}
			value = value.OutputValue().Element
		default:
			return value
		}
	}
}

// IsAbsent tells that a property is missing or null.
func IsAbsent(value resource.PropertyValue) bool {
	value = Plain(value)
	return value.V == nil || value.IsNull()
}

// Text returns a string property, "" when it is absent or unknown.
func Text(props resource.PropertyMap, name string) string {
	if value := Plain(props[resource.PropertyKey(name)]); value.V != nil && value.IsString() {
		return value.StringValue()
	}
	return ""
}

// Integer returns a number property, or the default when it is absent or unknown.
func Integer(props resource.PropertyMap, name string, byDefault int) int {
	if value := Plain(props[resource.PropertyKey(name)]); value.V != nil && value.IsNumber() {
		return int(value.NumberValue())
	}
	return byDefault
}

// Flag returns a boolean property, or the default when it is absent or unknown.
func Flag(props resource.PropertyMap, name string, byDefault bool) bool {
	if value := Plain(props[resource.PropertyKey(name)]); value.V != nil && value.IsBool() {
		return value.BoolValue()
	}
	return byDefault
}

// Texts returns a list of strings; absent is nil.
func Texts(props resource.PropertyMap, name string) []string {
	value := Plain(props[resource.PropertyKey(name)])
	if value.V == nil || !value.IsArray() {
		return nil
	}
	var texts []string
	for _, item := range value.ArrayValue() {
		if item = Plain(item); item.IsString() {
			texts = append(texts, item.StringValue())
		}
	}
	return texts
}

// Nested returns an object property without its secret wrapper; absent is an empty map.
func Nested(props resource.PropertyMap, name string) resource.PropertyMap {
	if value := Plain(props[resource.PropertyKey(name)]); value.V != nil && value.IsObject() {
		return value.ObjectValue()
	}
	return resource.PropertyMap{}
}

// Secret wraps a string as a secret.
func Secret(value string) resource.PropertyValue {
	return resource.MakeSecret(resource.NewStringProperty(value))
}

// Unknown is a value that only the real run will give.
func Unknown() resource.PropertyValue {
	return resource.MakeComputed(resource.NewStringProperty(""))
}

// WithoutNulls drops absent properties: SDKs send undefined ones as null.
func WithoutNulls(props resource.PropertyMap) resource.PropertyMap {
	result := resource.PropertyMap{}
	for key, value := range props {
		if !value.IsNull() {
			result[key] = value
		}
	}
	return result
}
