package kubernetes

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"platform.rig/plugins/pluginkit"
)

// Read returns the live object, and of its fields those that the inputs speak of as the new inputs. A missing object
// has no ID. It does not await.
func (p *Provider) Read(ctx context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	kind, known := kindOf(string(req.Type))
	if !known || kind.release {
		return plugin.ReadResponse{}, p.UnknownType(string(req.Type))
	}
	ctx, cancel := p.Context(ctx, req.Timeout)
	defer cancel()
	t := target{kind: kind}
	t.namespace, t.name = splitID(kind, req.ID)
	live, err := p.get(ctx, t)
	if apierrors.IsNotFound(err) {
		return plugin.ReadResponse{}, nil
	}
	if err != nil {
		return plugin.ReadResponse{}, fmt.Errorf("%s: %w", t, err)
	}
	inputs := req.Inputs
	properties := outputs(live, inputs, text(req.State, fieldManagerKey))
	if len(inputs) == 0 {
		inputs = importedInputs(live)
	} else {
		inputs = driftedInputs(inputs, properties, live)
	}
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: inputs, Outputs: properties}}, nil
}

func splitID(k kind, id resource.ID) (string, string) {
	namespace, name, found := strings.Cut(string(id), "/")
	if !found {
		namespace, name = "", string(id)
	}
	if k.namespaced && namespace == "" {
		namespace = "default"
	}
	return namespace, name
}

// driftedInputs keeps a Secret's stringData comparable: the server stores it as data only.
func driftedInputs(inputs, live resource.PropertyMap, object *unstructured.Unstructured) resource.PropertyMap {
	result := liveInputs(inputs, live)
	plain := pluginkit.Plain(inputs["stringData"])
	if object.GetKind() != "Secret" || plain.V == nil || !plain.IsObject() {
		return result
	}
	data := pluginkit.Nested(live, "data")
	texts := resource.PropertyMap{}
	for key := range plain.ObjectValue() {
		if decoded, err := base64.StdEncoding.DecodeString(pluginkit.Text(data, string(key))); err == nil && data.HasValue(key) {
			texts[key] = resource.NewStringProperty(string(decoded))
		}
	}
	result["stringData"] = resource.MakeSecret(resource.NewObjectProperty(texts))
	return result
}

// importedInputs drops what the server adds to every object.
func importedInputs(live *unstructured.Unstructured) resource.PropertyMap {
	object := live.DeepCopy()
	unstructured.RemoveNestedField(object.Object, "status")
	for _, field := range []string{"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	return outputs(object, nil, "")
}
