package pluginkit

import (
	"fmt"
	"sort"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// Kind is the shape of a property's value.
type Kind int

// Shapes. Any is not looked into.
const (
	Any Kind = iota
	String
	Number
	Bool
	Strings
	StringMap
	Object
	Asset
)

// Field describes one property: an absent one is a failure if Required, a present one if Refuse gives a reason.
type Field struct {
	Kind     Kind
	Required bool
	Fields   Fields // of an Object
	OneOf    []string
	Refuse   func(value resource.PropertyValue) string
}

// Fields are the known properties of an object.
type Fields map[string]Field

// CheckFields returns one failure per unknown, missing or wrongly shaped property. Unknown values pass.
func CheckFields(path string, props resource.PropertyMap, fields Fields) []plugin.CheckFailure {
	var failures []plugin.CheckFailure
	for _, key := range props.StableKeys() {
		name := string(key)
		field, known := fields[name]
		if !known {
			failures = append(failures, failure("%s.%s: unknown property; known are %s", path, name, strings.Join(fields.names(), ", ")))
			continue
		}
		failures = append(failures, checkField(path+"."+name, props[key], field)...)
	}
	for _, name := range fields.names() {
		key := resource.PropertyKey(name)
		if fields[name].Required && IsAbsent(props[key]) {
			failures = append(failures, failure("%s.%s: missing required property", path, name))
		}
	}
	return failures
}

func checkField(path string, value resource.PropertyValue, field Field) []plugin.CheckFailure {
	value = Plain(value)
	if value.IsNull() || value.IsComputed() {
		return nil
	}
	if !hasKind(value, field.Kind) {
		return []plugin.CheckFailure{failure("%s: a %s is not what this property takes", path, value.TypeString())}
	}
	if field.Kind == Object {
		return CheckFields(path, value.ObjectValue(), field.Fields)
	}
	if len(field.OneOf) > 0 && !contains(field.OneOf, value.StringValue()) {
		return []plugin.CheckFailure{failure("%s: %q is not one of %s", path, value.StringValue(), strings.Join(field.OneOf, ", "))}
	}
	if field.Refuse != nil {
		if reason := field.Refuse(value); reason != "" {
			return []plugin.CheckFailure{failure("%s: %s", path, reason)}
		}
	}
	return nil
}

func hasKind(value resource.PropertyValue, kind Kind) bool {
	switch kind {
	case String:
		return value.IsString()
	case Number:
		return value.IsNumber()
	case Bool:
		return value.IsBool()
	case Strings:
		return value.IsArray() && all(value.ArrayValue(), String)
	case StringMap:
		return value.IsObject() && allValues(value.ObjectValue(), String)
	case Object:
		return value.IsObject()
	case Asset:
		return value.IsAsset() || value.IsArchive()
	}
	return true
}

func all(values []resource.PropertyValue, kind Kind) bool {
	for _, value := range values {
		if value = Plain(value); !value.IsComputed() && !hasKind(value, kind) {
			return false
		}
	}
	return true
}

func allValues(values resource.PropertyMap, kind Kind) bool {
	for _, value := range values {
		if value = Plain(value); !value.IsComputed() && !hasKind(value, kind) {
			return false
		}
	}
	return true
}

func (f Fields) names() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// failure names the property in its text only: for a Property the engine would print the value, which may be a key.
func failure(format string, args ...any) plugin.CheckFailure {
	return plugin.CheckFailure{Reason: fmt.Sprintf(format, args...)}
}

func contains(list []string, value string) bool {
	for _, item := range list {
		if item == value {
			return true
		}
	}
	return false
}
