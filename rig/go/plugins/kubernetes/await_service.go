package kubernetes

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// endpointsQuiet is how long the Endpoints of a Service must not change before it counts as settled.
const endpointsQuiet = 10 * time.Second

var endpointsResource = schema.GroupVersionResource{Version: "v1", Resource: "endpoints"}

// endpointsMemory is when a Service's Endpoints were last seen to change. It lives as long as one await.
type endpointsMemory struct {
	version string
	changed time.Time
}

type memoryKey struct{}

func withMemory(ctx context.Context) context.Context {
	return context.WithValue(ctx, memoryKey{}, &endpointsMemory{})
}

func lookAtService(ctx context.Context, p *Provider, live *unstructured.Unstructured) (verdict, error) {
	if !selectsPods(live) {
		return serviceVerdict(live, nil, endpointsQuiet), nil
	}
	endpoints, err := endpointsOf(ctx, p, live.GetNamespace(), live.GetName())
	if err != nil {
		return verdict{}, err
	}
	memory, _ := ctx.Value(memoryKey{}).(*endpointsMemory)
	version := ""
	if endpoints != nil {
		version = endpoints.GetResourceVersion()
	}
	if memory.version != version || memory.changed.IsZero() {
		memory.version, memory.changed = version, time.Now()
	}
	return serviceVerdict(live, endpoints, time.Since(memory.changed)), nil
}

// endpointsOf returns nil where there is no such object yet.
func endpointsOf(ctx context.Context, p *Provider, namespace, name string) (*unstructured.Unstructured, error) {
	endpoints, err := p.cluster.objects.Resource(endpointsResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return endpoints, err
}

// selectsPods: headless and ExternalName Services, and those without a selector, have no pods to wait for.
func selectsPods(live *unstructured.Unstructured) bool {
	selector, _, _ := unstructured.NestedStringMap(live.Object, "spec", "selector")
	return len(selector) > 0 && word(live, "spec", "clusterIP") != "None" && word(live, "spec", "type") != "ExternalName"
}

// serviceVerdict: a load balancer has its address; the Endpoints hold ready pods and have been quiet for a while.
func serviceVerdict(live, endpoints *unstructured.Unstructured, quiet time.Duration) verdict {
	if word(live, "spec", "type") == "LoadBalancer" && !hasBalancer(live) {
		return waitingFor("Service was not allocated an IP address; does your cloud provider support this?")
	}
	if !selectsPods(live) {
		return ready
	}
	if !hasTargets(endpoints) {
		return waitingFor("Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods")
	}
	if quiet < endpointsQuiet {
		return waitingFor("Finding Pods to direct traffic to: Endpoints must be quiet for %s", endpointsQuiet)
	}
	return ready
}

func hasBalancer(live *unstructured.Unstructured) bool {
	addresses, _, _ := unstructured.NestedSlice(live.Object, "status", "loadBalancer", "ingress")
	return len(addresses) > 0
}

func hasTargets(endpoints *unstructured.Unstructured) bool {
	if endpoints == nil {
		return false
	}
	subsets, _, _ := unstructured.NestedSlice(endpoints.Object, "subsets")
	return len(subsets) > 0
}
