// Package random is the rig's `random` plugin: RandomPassword, RandomString, RandomId, RandomBytes.
// Every changed input replaces; results live in state only.
package random

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

// kind is one resource type: its inputs, the outputs that it makes, and how.
type kind struct {
	fields   pluginkit.Fields
	defaults resource.PropertyMap
	computed []string
	secret   bool
	make     func(inputs resource.PropertyMap) (id string, values map[string]resource.PropertyValue, err error)
}

// Provider makes random values.
type Provider struct {
	pluginkit.Base
}

// New returns the plugin.
func New(log *pluginkit.Log) plugin.Provider {
	return &Provider{Base: pluginkit.NewBase("random", log)}
}

// Check compares the inputs with the table of the type.
func (p *Provider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	kind, known := kinds[string(req.Type)]
	if !known {
		return plugin.CheckResponse{}, p.UnknownType(string(req.Type))
	}
	inputs := pluginkit.WithoutNulls(req.News)
	return plugin.CheckResponse{Properties: inputs, Failures: pluginkit.CheckFields(string(req.Type), inputs, kind.fields)}, nil
}

// Diff replaces on any change: nothing about a random value can be updated.
func (p *Provider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	return pluginkit.InputDiff(req.OldInputs, req.NewInputs, func(string) bool { return true }), nil
}

// Create makes the value; a preview leaves it unknown.
func (p *Provider) Create(_ context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	kind := kinds[string(req.Type)]
	outputs := kind.defaults.Copy()
	for key, value := range req.Properties {
		outputs[key] = value
	}
	if req.Preview {
		for _, name := range kind.computed {
			outputs[resource.PropertyKey(name)] = pluginkit.Unknown()
		}
		return plugin.CreateResponse{Properties: outputs}, nil
	}
	id, values, err := kind.make(outputs)
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	for name, value := range values {
		if kind.secret {
			value = resource.MakeSecret(value)
		}
		outputs[resource.PropertyKey(name)] = value
	}
	return plugin.CreateResponse{ID: resource.ID(id), Properties: outputs}, nil
}

// Read returns the state: a random value exists nowhere else.
func (p *Provider) Read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: req.State}}, nil
}

// Delete forgets the value.
func (p *Provider) Delete(context.Context, plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	return plugin.DeleteResponse{}, nil
}
