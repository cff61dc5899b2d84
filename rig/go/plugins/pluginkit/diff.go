package pluginkit

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// Deep takes off every secret wrapper, so that a diff sees values only.
func Deep(value resource.PropertyValue) resource.PropertyValue {
	value = Plain(value)
	switch {
	case value.V == nil:
		return resource.NewNullProperty()
	case value.IsArray():
		items := make([]resource.PropertyValue, len(value.ArrayValue()))
		for i, item := range value.ArrayValue() {
			items[i] = Deep(item)
		}
		return resource.NewArrayProperty(items)
	case value.IsObject():
		return resource.NewObjectProperty(DeepMap(value.ObjectValue()))
	}
	return value
}

// DeepMap is Deep over a map; nulls are dropped.
func DeepMap(props resource.PropertyMap) resource.PropertyMap {
	result := resource.PropertyMap{}
	for key, value := range props {
		if plain := Deep(value); !plain.IsNull() {
			result[key] = plain
		}
	}
	return result
}

// InputDiff compares inputs with inputs, path by path. forceNew tells the paths (as in
// "triggers[0]" or "metadata.name") whose change replaces the resource.
func InputDiff(olds, news resource.PropertyMap, forceNew func(path string) bool) plugin.DiffResult {
	diff := DeepMap(olds).Diff(DeepMap(news))
	if diff == nil {
		return plugin.DiffResult{Changes: plugin.DiffNone}
	}
	detailed := plugin.NewDetailedDiffFromObjectDiff(diff, true)
	result := plugin.DiffResult{Changes: plugin.DiffSome, DetailedDiff: detailed}
	for path, change := range detailed {
		if forceNew(path) {
			detailed[path] = change.ToReplace()
		}
	}
	return result
}

// Replaces tells whether any path of a diff asks for a replacement.
func Replaces(diff plugin.DiffResult) bool {
	for _, change := range diff.DetailedDiff {
		if change.Kind.IsReplace() {
			return true
		}
	}
	return false
}
