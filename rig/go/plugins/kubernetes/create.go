package kubernetes

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Create applies a new object and awaits it. A preview is a server-side dry run where that is possible.
func (p *Provider) Create(ctx context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	kind, known := kindOf(string(req.Type))
	if !known {
		return plugin.CreateResponse{}, p.UnknownType(string(req.Type))
	}
	ctx, cancel := p.Context(ctx, 0)
	defer cancel()
	if kind.release && !req.Preview {
		return plugin.CreateResponse{}, fmt.Errorf("%s: the rig has no Helm; a release can be previewed only", req.Name)
	}
	if kind.release {
		return plugin.CreateResponse{Properties: req.Properties}, nil
	}
	manager, err := resource.NewUniqueHex("pulumi-kubernetes-", 8, 0)
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	t := p.target(kind, req.Properties, manager)
	if req.Preview {
		return plugin.CreateResponse{Properties: planned(req.Properties, nil)}, p.previewCreate(ctx, t, req.Properties)
	}
	if err := p.free(ctx, t); err != nil {
		return plugin.CreateResponse{}, err
	}
	live, err := p.apply(ctx, t, false)
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	live, reasons := p.await(ctx, awaitRequest{urn: req.URN, target: t, inputs: req.Properties, live: live, seconds: req.Timeout})
	outputs := outputs(live, req.Properties, manager)
	if len(reasons) > 0 {
		return plugin.CreateResponse{}, initFailed(t, "created", outputs, req.Properties, reasons)
	}
	return plugin.CreateResponse{ID: t.id(), Properties: outputs}, nil
}

// free is nil when the object may be applied: nothing has its name, unless existing objects are to be adopted. A Patch
// needs the opposite.
func (p *Provider) free(ctx context.Context, t target) error {
	switch {
	case t.kind.patch:
		return p.present(ctx, t)
	case p.settings.upsert:
		return nil
	}
	return p.absent(ctx, t)
}

// previewCreate asks the server what it would say. Without cluster, namespace or known values there is nobody to ask.
func (p *Provider) previewCreate(ctx context.Context, t target, inputs resource.PropertyMap) error {
	if t.kind.patch || inputs.ContainsUnknowns() || p.reachable() != nil {
		return nil
	}
	if err := p.free(ctx, t); err != nil {
		return err
	}
	_, err := p.apply(ctx, t, true)
	if apierrors.IsNotFound(err) {
		return nil // the namespace will be made in the same run
	}
	return err
}
