package kubernetes

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const revisionAnnotation = "deployment.kubernetes.io/revision"

var replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}

func lookAtDeployment(ctx context.Context, p *Provider, live *unstructured.Unstructured) (verdict, error) {
	if !observed(live) || live.GetAnnotations()[revisionAnnotation] == "" {
		return deploymentVerdict(live, nil, nil), nil
	}
	sets, err := owned(ctx, p, replicaSets, live)
	if err != nil {
		return verdict{}, err
	}
	claims, err := deploymentClaims(ctx, p, live)
	if err != nil {
		return verdict{}, err
	}
	return deploymentVerdict(live, sets, claims), nil
}

// deploymentVerdict: the ReplicaSet of the present revision has its pods ready, the Deployment is available, a rollout
// (revision above 1) has ended, and the claims it mounts are bound. A failed rollout is waited for until the limit.
func deploymentVerdict(live *unstructured.Unstructured, sets, claims []unstructured.Unstructured) verdict {
	revision := live.GetAnnotations()[revisionAnnotation]
	if !observed(live) || revision == "" {
		return waitingFor("Deployment controller has not seen generation %d", live.GetGeneration())
	}
	for _, claim := range claims {
		if phase := word(&claim, "status", "phase"); phase != "Bound" {
			return waitingFor("Failed to bind PersistentVolumeClaim(s): %q is %s", claim.GetName(), phase)
		}
	}
	set := setOfRevision(sets, revision)
	if set == nil {
		return waitingFor("Waiting for the ReplicaSet of revision %s", revision)
	}
	want, have := number(set, 1, "spec", "replicas"), number(set, 0, "status", "readyReplicas")
	if have < want {
		return waitingFor("Waiting for app ReplicaSet to be available (%d/%d Pods available)%s", have, want, conditionNote(live))
	}
	if status, _, _ := condition(live, "Available"); status != "True" {
		return waitingFor("Minimum number of live Pods was not attained%s", conditionNote(live))
	}
	if status, reason, _ := condition(live, "Progressing"); revision != "1" && (status != "True" || reason != "NewReplicaSetAvailable") {
		return waitingFor("Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live%s", conditionNote(live))
	}
	return ready
}

func setOfRevision(sets []unstructured.Unstructured, revision string) *unstructured.Unstructured {
	for i := range sets {
		if sets[i].GetAnnotations()[revisionAnnotation] == revision {
			return &sets[i]
		}
	}
	return nil
}

// conditionNote appends what the Deployment itself reports as wrong.
func conditionNote(live *unstructured.Unstructured) string {
	note := ""
	for _, kind := range []string{"Progressing", "Available"} {
		if status, reason, message := condition(live, kind); status == "False" {
			note += fmt.Sprintf("; [%s] %s", reason, message)
		}
	}
	return note
}

// deploymentClaims are the PersistentVolumeClaims that the pods mount; a missing one is reported as unbound.
func deploymentClaims(ctx context.Context, p *Provider, live *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	volumes, _, _ := unstructured.NestedSlice(live.Object, "spec", "template", "spec", "volumes")
	var claims []unstructured.Unstructured
	for _, item := range volumes {
		volume, _ := item.(map[string]any)
		name, found, _ := unstructured.NestedString(volume, "persistentVolumeClaim", "claimName")
		if !found {
			continue
		}
		claim, err := p.cluster.objects.Resource(claimResource).Namespace(live.GetNamespace()).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		claims = append(claims, *claim)
	}
	return claims, nil
}

// owned lists the objects of a resource in the owner's namespace that name it as their controller.
func owned(ctx context.Context, p *Provider, resource schema.GroupVersionResource, owner *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	list, err := p.cluster.objects.Resource(resource).Namespace(owner.GetNamespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var mine []unstructured.Unstructured
	for _, item := range list.Items {
		if reference := metav1.GetControllerOf(&item); reference != nil && reference.UID == owner.GetUID() {
			mine = append(mine, item)
		}
	}
	return mine, nil
}
