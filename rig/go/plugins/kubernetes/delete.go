package kubernetes

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

const deleteLimit = 10 * time.Minute

// skipsDeletion: for these kinds alone skipAwait also ends the wait for a deletion, as in the official plugin.
var skipsDeletion = map[string]bool{"Namespace": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "Job": true}

// Delete removes the object, its dependents first, and waits until it is gone. A Patch
// resource gives its fields back and leaves the object.
func (p *Provider) Delete(ctx context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	kind, known := kindOf(string(req.Type))
	if !known {
		return plugin.DeleteResponse{}, p.UnknownType(string(req.Type))
	}
	ctx, cancel := p.Context(ctx, 0)
	defer cancel()
	t := p.target(kind, req.Inputs, text(req.Outputs, fieldManagerKey))
	err := p.remove(ctx, t, req)
	if err != nil && transient(err) && p.settings.deleteUnreachable {
		p.Log.Warn(ctx, req.URN, fmt.Sprintf("%s: dropped from state, the cluster does not answer (deleteUnreachable): %v", t, err))
		return plugin.DeleteResponse{}, nil
	}
	return plugin.DeleteResponse{}, err
}

func (p *Provider) remove(ctx context.Context, t target, req plugin.DeleteRequest) error {
	if t.kind.patch {
		return p.relinquish(ctx, t)
	}
	policy := deletionPolicy(req.Inputs)
	options := metav1.DeleteOptions{PropagationPolicy: &policy}
	uid := types.UID(text(req.Outputs, "metadata", "uid"))
	_, err := retried(ctx, func() (any, error) {
		return nil, p.cluster.client(t.kind, t.namespace).Delete(ctx, t.name, options)
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	if annotation(req.Inputs, skipAwait) == "true" && skipsDeletion[t.kind.gvk.Kind] {
		return nil
	}
	return p.awaitGone(ctx, t, uid, awaitLimit(req.Inputs, req.Timeout, deleteLimit))
}

func deletionPolicy(inputs resource.PropertyMap) metav1.DeletionPropagation {
	switch annotation(inputs, propagation) {
	case "background":
		return metav1.DeletePropagationBackground
	case "orphan":
		return metav1.DeletePropagationOrphan
	}
	return metav1.DeletePropagationForeground
}

// relinquish applies nothing but the object's identity, so that the manager owns no field any more.
func (p *Provider) relinquish(ctx context.Context, t target) error {
	if _, err := p.get(ctx, t); apierrors.IsNotFound(err) {
		return nil
	}
	metadata := map[string]any{"name": t.name}
	if t.namespace != "" {
		metadata["namespace"] = t.namespace
	}
	t.object = map[string]any{"apiVersion": t.object["apiVersion"], "kind": t.object["kind"], "metadata": metadata}
	_, err := p.apply(ctx, t, false)
	return err
}

// awaitGone waits until the object of this uid is no more; "" is any.
func (p *Provider) awaitGone(ctx context.Context, t target, uid types.UID, limit time.Duration) error {
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("still there after %s", limit))
	defer cancel()
	finalizers := []string{}
	for {
		live, err := p.get(limited, t)
		if apierrors.IsNotFound(err) || (err == nil && uid != "" && live.GetUID() != uid) {
			return nil
		}
		if err == nil {
			finalizers = live.GetFinalizers()
		}
		select {
		case <-limited.Done():
			return fmt.Errorf("%s: deletion: %w; its finalizers are %v", t, context.Cause(limited), finalizers)
		case <-time.After(pollInterval):
		}
	}
}
