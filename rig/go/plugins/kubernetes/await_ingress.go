package kubernetes

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func lookAtIngress(ctx context.Context, p *Provider, live *unstructured.Unstructured) (verdict, error) {
	without := []string{}
	for _, service := range ingressServices(live) {
		endpoints, err := endpointsOf(ctx, p, live.GetNamespace(), service)
		if err != nil {
			return verdict{}, err
		}
		if endpoints == nil {
			without = append(without, service)
		}
	}
	return ingressVerdict(live, without), nil
}

// ingressVerdict: every rule's Service has Endpoints, and the controller has published an address.
func ingressVerdict(live *unstructured.Unstructured, withoutEndpoints []string) verdict {
	if len(withoutEndpoints) > 0 {
		return waitingFor("Ingress has at least one rule that does not target any Service: %v", withoutEndpoints)
	}
	if !hasBalancer(live) {
		return waitingFor("Ingress .status.loadBalancer field was not updated with a hostname/IP address")
	}
	return ready
}

func ingressServices(live *unstructured.Unstructured) []string {
	var services []string
	add := func(backend map[string]any) {
		if name, found, _ := unstructured.NestedString(backend, "service", "name"); found {
			services = append(services, name)
		}
	}
	if backend, found, _ := unstructured.NestedMap(live.Object, "spec", "defaultBackend"); found {
		add(backend)
	}
	rules, _, _ := unstructured.NestedSlice(live.Object, "spec", "rules")
	for _, item := range rules {
		rule, _ := item.(map[string]any)
		paths, _, _ := unstructured.NestedSlice(rule, "http", "paths")
		for _, entry := range paths {
			path, _ := entry.(map[string]any)
			if backend, found, _ := unstructured.NestedMap(path, "backend"); found {
				add(backend)
			}
		}
	}
	return services
}
