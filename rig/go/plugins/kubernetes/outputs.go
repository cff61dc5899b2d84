package kubernetes

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"platform.rig/plugins/pluginkit"
)

const (
	fieldManagerKey = "__fieldManager"
	apiVersionKey   = "__initialApiVersion"
)

// outputs is the live object without its managedFields (they are most of its size), with what was secret in the
// inputs secret again, and a Secret's data always.
func outputs(live *unstructured.Unstructured, inputs resource.PropertyMap, manager string) resource.PropertyMap {
	object := live.DeepCopy()
	unstructured.RemoveNestedField(object.Object, "metadata", "managedFields")
	props := resource.NewPropertyMapFromMap(object.Object)
	props = markSecrets(props, inputs)
	if live.GetKind() == "Secret" {
		for _, key := range []resource.PropertyKey{"data", "stringData"} {
			if value, ok := props[key]; ok && !value.IsSecret() {
				props[key] = resource.MakeSecret(value)
			}
		}
	}
	props[apiVersionKey] = resource.NewStringProperty(live.GetAPIVersion())
	props[fieldManagerKey] = resource.NewStringProperty(manager)
	return props
}

// markSecrets wraps each value that stands where the inputs have a secret.
func markSecrets(values, inputs resource.PropertyMap) resource.PropertyMap {
	result := values.Copy()
	for key, value := range values {
		if input, ok := inputs[key]; ok {
			result[key] = markSecret(value, input)
		}
	}
	return result
}

func markSecret(value, input resource.PropertyValue) resource.PropertyValue {
	if input.IsSecret() || (input.IsOutput() && input.OutputValue().Secret) {
		return resource.MakeSecret(value)
	}
	switch {
	case value.IsObject() && input.IsObject():
		return resource.NewObjectProperty(markSecrets(value.ObjectValue(), input.ObjectValue()))
	case value.IsArray() && input.IsArray():
		items := append([]resource.PropertyValue(nil), value.ArrayValue()...)
		for i := range items {
			if i < len(input.ArrayValue()) {
				items[i] = markSecret(items[i], input.ArrayValue()[i])
			}
		}
		return resource.NewArrayProperty(items)
	}
	return value
}

// planned are the outputs of a preview that could not ask the cluster: the inputs over what is in state.
func planned(inputs, state resource.PropertyMap) resource.PropertyMap {
	result := state.Copy()
	if result == nil {
		result = resource.PropertyMap{}
	}
	for key, value := range inputs {
		result[key] = overlaid(value, result[key])
	}
	return result
}

func overlaid(value, old resource.PropertyValue) resource.PropertyValue {
	if !value.IsObject() || old.V == nil || !old.IsObject() {
		return value
	}
	return resource.NewObjectProperty(planned(value.ObjectValue(), old.ObjectValue()))
}

// liveInputs is the part of the live object that the old inputs speak of, so that a refresh shows drift.
func liveInputs(inputs, live resource.PropertyMap) resource.PropertyMap {
	result := resource.PropertyMap{}
	for key, input := range inputs {
		if value, ok := live[key]; ok {
			result[key] = liveInput(input, value)
		}
	}
	return result
}

func liveInput(input, live resource.PropertyValue) resource.PropertyValue {
	secret := input.IsSecret()
	plain, value := pluginkit.Plain(input), pluginkit.Plain(live)
	switch {
	case plain.V != nil && plain.IsObject() && value.IsObject():
		value = resource.NewObjectProperty(liveInputs(plain.ObjectValue(), value.ObjectValue()))
	case plain.V != nil && plain.IsArray() && value.IsArray() && len(plain.ArrayValue()) == len(value.ArrayValue()):
		items := make([]resource.PropertyValue, len(value.ArrayValue()))
		for i, item := range value.ArrayValue() {
			items[i] = liveInput(plain.ArrayValue()[i], item)
		}
		value = resource.NewArrayProperty(items)
	}
	if secret {
		return resource.MakeSecret(value)
	}
	return value
}
