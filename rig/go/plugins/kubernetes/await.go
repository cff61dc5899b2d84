package kubernetes

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const pollInterval = 500 * time.Millisecond

// verdict is what an await rule says of the objects it sees: ready, failed for good, or what it still waits for.
type verdict struct {
	ready   bool
	failed  bool
	waiting string
}

var ready = verdict{ready: true}

func waitingFor(format string, args ...any) verdict {
	return verdict{waiting: fmt.Sprintf(format, args...)}
}

// rule is a kind's await: look gathers objects and judges them; problems explains a wait that did not end.
type rule struct {
	limit    time.Duration
	look     func(ctx context.Context, p *Provider, live *unstructured.Unstructured) (verdict, error)
	problems func(ctx context.Context, p *Provider, live *unstructured.Unstructured) []string
}

// rules: kinds that are not listed are ready when they exist.
var rules = map[string]rule{
	"Deployment":            {limit: 10 * time.Minute, look: lookAtDeployment, problems: workloadProblems},
	"StatefulSet":           {limit: 10 * time.Minute, look: alone(statefulSetVerdict), problems: workloadProblems},
	"DaemonSet":             {limit: 10 * time.Minute, look: alone(daemonSetVerdict), problems: workloadProblems},
	"Job":                   {limit: 10 * time.Minute, look: alone(jobVerdict), problems: workloadProblems},
	"PersistentVolumeClaim": {limit: 5 * time.Minute, look: lookAtClaim, problems: objectEvents},
	"PersistentVolume":      {limit: 5 * time.Minute, look: alone(volumeVerdict), problems: objectEvents},
	"ResourceQuota":         {limit: time.Minute, look: alone(quotaVerdict)},
	"Secret":                {limit: 5 * time.Second, look: alone(secretVerdict)},
	"Service":               {limit: 10 * time.Minute, look: lookAtService, problems: objectEvents},
	"Ingress":               {limit: 10 * time.Minute, look: lookAtIngress, problems: objectEvents},
}

// alone is the look of a rule that needs no other object.
func alone(judge func(*unstructured.Unstructured) verdict) func(context.Context, *Provider, *unstructured.Unstructured) (verdict, error) {
	return func(_ context.Context, _ *Provider, live *unstructured.Unstructured) (verdict, error) {
		return judge(live), nil
	}
}

type awaitRequest struct {
	urn     resource.URN
	target  target
	inputs  resource.PropertyMap
	live    *unstructured.Unstructured
	seconds float64
}

// await returns the latest live object, and why it did not become ready (nil: it did).
func (p *Provider) await(ctx context.Context, req awaitRequest) (*unstructured.Unstructured, []string) {
	rule, exists := rules[req.target.kind.gvk.Kind]
	if !exists || req.target.kind.patch || annotation(req.inputs, skipAwait) == "true" {
		return req.live, nil
	}
	limit := awaitLimit(req.inputs, req.seconds, rule.limit)
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("timed out after %s", limit))
	defer cancel()
	watch := &watcher{provider: p, rule: rule, request: req, live: req.live}
	verdict := watch.until(limited)
	if verdict.ready {
		return watch.live, nil
	}
	reasons := []string{verdict.waiting}
	if !verdict.failed {
		reasons = []string{fmt.Sprintf("%v while waiting for it to become ready", context.Cause(limited)), verdict.waiting}
	}
	if rule.problems != nil {
		// The limit has passed; looking for reasons gets time of its own.
		explain, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer stop()
		reasons = append(reasons, rule.problems(explain, p, watch.live)...)
	}
	return watch.live, reasons
}

// watcher polls one object until its rule is content.
type watcher struct {
	provider *Provider
	rule     rule
	request  awaitRequest
	live     *unstructured.Unstructured
	shown    string
}

func (w *watcher) until(ctx context.Context) verdict {
	ctx = withMemory(ctx)
	last := waitingFor("it has not been looked at")
	for {
		verdict, err := w.rule.look(ctx, w.provider, w.live)
		switch {
		case err != nil:
			last.waiting = fmt.Sprintf("%s (%v)", last.waiting, err)
		case verdict.ready, verdict.failed:
			return verdict
		default:
			last = verdict
		}
		w.show(ctx, last.waiting)
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pollInterval):
		}
		if failed := w.refresh(ctx); failed != "" {
			last.waiting, last.failed = failed, true
			return last
		}
	}
}

// refresh reads the object again. Errors leave the old one: the next round tries again.
func (w *watcher) refresh(ctx context.Context) string {
	live, err := w.provider.get(ctx, w.request.target)
	if apierrors.IsNotFound(err) {
		return "it was deleted while it was waited for"
	}
	if err == nil {
		w.live = live
	}
	return ""
}

func (w *watcher) show(ctx context.Context, message string) {
	if message != w.shown {
		w.shown = message
		w.provider.Log.Status(ctx, w.request.urn, message)
	}
}
