package kubernetes

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	claimResource = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	classResource = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
)

func lookAtClaim(ctx context.Context, p *Provider, live *unstructured.Unstructured) (verdict, error) {
	name := word(live, "spec", "storageClassName")
	if name == "" || word(live, "status", "phase") == "Bound" {
		return claimVerdict(live, nil), nil
	}
	class, err := p.cluster.objects.Resource(classResource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return claimVerdict(live, nil), nil // no such class: the claim may still be bound by hand
	}
	return claimVerdict(live, class), nil
}

// claimVerdict: bound; or pending, where the class binds with the first pod only.
func claimVerdict(live, class *unstructured.Unstructured) verdict {
	phase := word(live, "status", "phase")
	if phase == "Bound" {
		return ready
	}
	if class != nil && word(class, "volumeBindingMode") == "WaitForFirstConsumer" && phase == "Pending" {
		return ready
	}
	return waitingFor("PersistentVolumeClaim is %q", phase)
}
