package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// patchTargetWait bounds the wait for the object that a Patch changes: controllers make some of them (the ServiceAccount
// "default" of a new namespace) a moment later.
const patchTargetWait = 30 * time.Second

// target is one object on its way to the cluster.
type target struct {
	kind            kind
	namespace, name string
	object          map[string]any
	manager         string
	force           bool
}

func (p *Provider) target(k kind, inputs resource.PropertyMap, manager string) target {
	return target{
		kind: k, namespace: text(inputs, "metadata", "namespace"), name: text(inputs, "metadata", "name"),
		object: sent(k, inputs), manager: manager,
		force: p.settings.patchForce || annotation(inputs, patchForce) == "true",
	}
}

func (t target) String() string {
	if t.namespace == "" {
		return fmt.Sprintf("%s %q", t.kind.gvk.Kind, t.name)
	}
	return fmt.Sprintf("%s %q", t.kind.gvk.Kind, t.namespace+"/"+t.name)
}

func (t target) id() resource.ID {
	if t.namespace == "" {
		return resource.ID(t.name)
	}
	return resource.ID(t.namespace + "/" + t.name)
}

// get returns the live object; transient errors are retried.
func (p *Provider) get(ctx context.Context, t target) (*unstructured.Unstructured, error) {
	return retried(ctx, func() (*unstructured.Unstructured, error) {
		return p.cluster.client(t.kind, t.namespace).Get(ctx, t.name, metav1.GetOptions{})
	})
}

// apply sends the object by server-side apply with strict field validation.
func (p *Provider) apply(ctx context.Context, t target, dryRun bool) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(t.object)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: t.manager, Force: &t.force, FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	live, err := retried(ctx, func() (*unstructured.Unstructured, error) {
		return p.cluster.client(t.kind, t.namespace).Patch(ctx, t.name, types.ApplyPatchType, data, options)
	})
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("%s: server-side apply field conflict: %w; another manager owns the field: leave it out, or set the annotation %s", t, err, patchForce)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return live, nil
}

// absent is nil when nothing has the target's name: a create adopts nothing.
func (p *Provider) absent(ctx context.Context, t target) error {
	_, err := p.get(ctx, t)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", t, err)
	}
	return fmt.Errorf("%s: %w", t, apierrors.NewAlreadyExists(t.kind.gvr().GroupResource(), t.name))
}

// present waits for the object that a Patch resource changes.
func (p *Provider) present(ctx context.Context, t target) error {
	limit, cancel := context.WithTimeout(ctx, patchTargetWait)
	defer cancel()
	for {
		_, err := p.get(limit, t)
		if err == nil {
			return nil
		}
		if !apierrors.IsNotFound(err) && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", t, err)
		}
		select {
		case <-limit.Done():
			return fmt.Errorf("%s: nothing to patch after %s; a Patch resource changes an object that another owner made", t, patchTargetWait)
		case <-time.After(pollInterval):
		}
	}
}
