package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	strictjson "sigs.k8s.io/json"
)

// strictErrors decodes an object into its Go type and returns every unknown field and wrong type. So a misspelt
// field fails in the first preview already, without a cluster.
func strictErrors(gvk schema.GroupVersionKind, object map[string]any) []error {
	typed, err := scheme.Scheme.New(gvk)
	if err != nil {
		return []error{err}
	}
	data, err := json.Marshal(object)
	if err != nil {
		return []error{err}
	}
	unknown, err := strictjson.UnmarshalStrict(data, typed)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", gvk.Kind, err)}
	}
	for i, problem := range unknown {
		unknown[i] = fmt.Errorf("%s: %w", gvk.Kind, problem)
	}
	if object["kind"] != gvk.Kind || object["apiVersion"] != gvk.GroupVersion().String() {
		unknown = append(unknown, errors.New("apiVersion and kind do not fit the resource type"))
	}
	return unknown
}
