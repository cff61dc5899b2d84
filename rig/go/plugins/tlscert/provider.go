// Package tlscert is the rig's `tls` plugin: PrivateKey, CertRequest, SelfSignedCert and
// LocallySignedCert. Every changed input replaces, except earlyRenewalHours; a certificate that
// has entered its renewal window is replaced by the next update.
package tlscert

import (
	"context"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

// Provider makes keys and certificates. Now is the clock of the renewal window.
type Provider struct {
	pluginkit.Base
	Now func() time.Time
}

// New returns the plugin.
func New(log *pluginkit.Log) plugin.Provider {
	return &Provider{Base: pluginkit.NewBase("tls", log), Now: time.Now}
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

// Diff replaces on a changed input and on an entered renewal window.
func (p *Provider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	diff := pluginkit.InputDiff(req.OldInputs, req.NewInputs, func(path string) bool { return path != earlyRenewal })
	if p.readyForRenewal(req.OldOutputs, req.NewInputs) {
		if diff.DetailedDiff == nil {
			diff.DetailedDiff = map[string]plugin.PropertyDiff{}
		}
		diff.Changes = plugin.DiffSome
		diff.DetailedDiff["readyForRenewal"] = plugin.PropertyDiff{Kind: plugin.DiffUpdateReplace}
	}
	return diff, nil
}

// readyForRenewal: the certificate in state ends within the earlyRenewalHours of the inputs.
func (p *Provider) readyForRenewal(state, inputs resource.PropertyMap) bool {
	end, err := time.Parse(time.RFC3339, pluginkit.Text(state, "validityEndTime"))
	if err != nil {
		return false
	}
	window := time.Duration(pluginkit.Integer(inputs, earlyRenewal, 0)) * time.Hour
	return !p.Now().Before(end.Add(-window))
}

// Create makes the key, request or certificate; a preview leaves what it makes unknown.
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
	id, values, err := kind.make(outputs, p.Now())
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	for key, value := range values {
		outputs[key] = value
	}
	return plugin.CreateResponse{ID: resource.ID(id), Properties: outputs}, nil
}

// Update changes the renewal window, the one input that is not part of what was made.
func (p *Provider) Update(_ context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	outputs := req.OldOutputs.Copy()
	for key, value := range req.NewInputs {
		outputs[key] = value
	}
	outputs["readyForRenewal"] = resource.NewBoolProperty(p.readyForRenewal(outputs, req.NewInputs))
	return plugin.UpdateResponse{Properties: outputs}, nil
}

// Read looks at the clock only: what was made exists in state alone.
func (p *Provider) Read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	outputs := req.State.Copy()
	if _, certificate := outputs["validityEndTime"]; certificate {
		outputs["readyForRenewal"] = resource.NewBoolProperty(p.readyForRenewal(outputs, req.Inputs))
	}
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: outputs}}, nil
}

// Delete forgets what was made.
func (p *Provider) Delete(context.Context, plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	return plugin.DeleteResponse{}, nil
}
