package kubernetes

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

const nameMaximum = 253

// Check completes the inputs (name, namespace) and refuses unknown kinds, fields and annotations.
func (p *Provider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	kind, known := kindOf(string(req.Type))
	if !known {
		return plugin.CheckResponse{}, p.UnknownType(string(req.Type))
	}
	inputs := pluginkit.WithoutNulls(req.News)
	if kind.release {
		return plugin.CheckResponse{Properties: inputs, Failures: pluginkit.CheckFields(string(req.Type), inputs, releaseFields)}, nil
	}
	inputs, err := named(kind, req, inputs)
	if err != nil {
		return plugin.CheckResponse{}, err
	}
	if kind.namespaced && pluginkit.IsAbsent(at(inputs, "metadata", "namespace")) && !pluginkit.Plain(inputs["metadata"]).IsComputed() {
		inputs = with(inputs, p.defaultNamespace(), "metadata", "namespace")
	}
	return plugin.CheckResponse{Properties: inputs, Failures: bodyFailures(kind, inputs)}, nil
}

func (p *Provider) defaultNamespace() string {
	if p.cluster.namespace != "" {
		return p.cluster.namespace
	}
	if p.settings.namespace != "" {
		return p.settings.namespace
	}
	return "default"
}

// named gives an object without a name the one it had, else <resource name>-<8 hex digits>.
func named(kind kind, req plugin.CheckRequest, inputs resource.PropertyMap) (resource.PropertyMap, error) {
	if !pluginkit.IsAbsent(at(inputs, "metadata", "name")) || pluginkit.Plain(inputs["metadata"]).IsComputed() {
		return inputs, nil
	}
	if kind.patch {
		return nil, fmt.Errorf("metadata.name: missing; a Patch resource must name the object that it changes")
	}
	name := text(req.Olds, "metadata", "name")
	if name == "" || annotation(req.Olds, autonamed) != "true" {
		var err error
		if name, err = resource.NewUniqueName(req.RandomSeed, req.Name+"-", 8, nameMaximum, []rune("0123456789abcdef")); err != nil {
			return nil, err
		}
	}
	return with(with(inputs, name, "metadata", "name"), "true", "metadata", "annotations", autonamed), nil
}

func bodyFailures(kind kind, inputs resource.PropertyMap) []plugin.CheckFailure {
	var failures []plugin.CheckFailure
	for _, problem := range strictErrors(kind.gvk, body(inputs)) {
		failures = append(failures, plugin.CheckFailure{Reason: problem.Error()})
	}
	for _, problem := range annotationProblems(inputs) {
		failures = append(failures, plugin.CheckFailure{Reason: problem})
	}
	for _, field := range []string{"generateName", "managedFields", "uid", "resourceVersion"} {
		if !pluginkit.IsAbsent(at(inputs, "metadata", field)) {
			failures = append(failures, plugin.CheckFailure{Reason: fmt.Sprintf("metadata.%s: the rig does not implement this field", field)})
		}
	}
	if !pluginkit.IsAbsent(inputs["status"]) {
		failures = append(failures, plugin.CheckFailure{Reason: "status: the cluster owns this field"})
	}
	return failures
}
