package kubernetes

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Update applies the new inputs under the object's field manager: what the old inputs had and the new ones lack goes away.
func (p *Provider) Update(ctx context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	kind, known := kindOf(string(req.Type))
	if !known {
		return plugin.UpdateResponse{}, p.UnknownType(string(req.Type))
	}
	ctx, cancel := p.Context(ctx, 0)
	defer cancel()
	t := p.target(kind, req.NewInputs, text(req.OldOutputs, fieldManagerKey))
	if req.Preview {
		properties, err := p.previewUpdate(ctx, t, req)
		return plugin.UpdateResponse{Properties: properties}, err
	}
	if err := p.stillThere(ctx, t); err != nil {
		return plugin.UpdateResponse{}, err
	}
	live, err := p.apply(ctx, t, false)
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	live, reasons := p.await(ctx, awaitRequest{urn: req.URN, target: t, inputs: req.NewInputs, live: live, seconds: req.Timeout})
	outputs := outputs(live, req.NewInputs, t.manager)
	if len(reasons) > 0 {
		return plugin.UpdateResponse{}, initFailed(t, "updated", outputs, req.NewInputs, reasons)
	}
	return plugin.UpdateResponse{Properties: outputs}, nil
}

// stillThere: apply would silently make a missing object anew.
func (p *Provider) stillThere(ctx context.Context, t target) error {
	_, err := p.get(ctx, t)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s: %w; it was deleted outside of Pulumi: run `pulumi refresh`", t, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	return nil
}

func (p *Provider) previewUpdate(ctx context.Context, t target, req plugin.UpdateRequest) (resource.PropertyMap, error) {
	if req.NewInputs.ContainsUnknowns() || t.kind.release || p.reachable() != nil {
		return planned(req.NewInputs, req.OldOutputs), nil
	}
	if err := p.stillThere(ctx, t); err != nil {
		return nil, err
	}
	live, err := p.apply(ctx, t, true)
	if err != nil {
		return nil, err
	}
	return outputs(live, req.NewInputs, t.manager), nil
}
