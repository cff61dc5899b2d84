package kubernetes

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// number reads an integer field; absent is the default.
func number(object *unstructured.Unstructured, byDefault int64, path ...string) int64 {
	value, found, err := unstructured.NestedInt64(object.Object, path...)
	if err != nil || !found {
		return byDefault
	}
	return value
}

func word(object *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(object.Object, path...)
	return value
}

// observed: the controller has seen the present generation, so the status speaks of it.
func observed(object *unstructured.Unstructured) bool {
	return number(object, 0, "status", "observedGeneration") >= object.GetGeneration()
}

// condition returns status, reason and message of a condition; "" if it is absent.
func condition(object *unstructured.Unstructured, kind string) (status, reason, message string) {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		entry, ok := item.(map[string]any)
		if !ok || entry["type"] != kind {
			continue
		}
		status, _ = entry["status"].(string)
		reason, _ = entry["reason"].(string)
		message, _ = entry["message"].(string)
	}
	return status, reason, message
}

// statefulSetVerdict: all replicas ready at one revision. With OnDelete the revision cannot advance by itself.
func statefulSetVerdict(object *unstructured.Unstructured) verdict {
	if !observed(object) {
		return waitingFor("StatefulSet controller has not seen generation %d", object.GetGeneration())
	}
	want := number(object, 1, "spec", "replicas")
	all, readyNow := number(object, 0, "status", "replicas"), number(object, 0, "status", "readyReplicas")
	onDelete := object.GetGeneration() > 1 && word(object, "spec", "updateStrategy", "type") == "OnDelete"
	current, update := word(object, "status", "currentRevision"), word(object, "status", "updateRevision")
	switch {
	case all != want || readyNow != want, !onDelete && number(object, 0, "status", "currentReplicas") != want:
		// During a rollout ready pods may still be of the old revision.
		if current != update {
			readyNow = min(readyNow, number(object, 0, "status", "updatedReplicas"))
		}
		return waitingFor("%d out of %d replicas succeeded readiness checks", readyNow, want)
	case !onDelete && (current == "" || current != update):
		return waitingFor("StatefulSet controller failed to advance from revision %q to revision %q", current, update)
	}
	return ready
}

// daemonSetVerdict: on every node that wants one, an updated pod is available.
func daemonSetVerdict(object *unstructured.Unstructured) verdict {
	if !observed(object) {
		return waitingFor("DaemonSet controller has not seen generation %d", object.GetGeneration())
	}
	want := number(object, -1, "status", "desiredNumberScheduled")
	if want < 0 {
		return waitingFor("Missing .status.desiredNumberScheduled")
	}
	for _, field := range []struct{ name, text string }{
		{"currentNumberScheduled", "Current"}, {"updatedNumberScheduled", "Updated"}, {"numberAvailable", "Available"}, {"numberReady", "Ready"},
	} {
		if have := number(object, 0, "status", field.name); have < want {
			return waitingFor("%s: %d/%d", field.text, have, want)
		}
	}
	return ready
}

// jobVerdict: complete, or failed at once.
func jobVerdict(object *unstructured.Unstructured) verdict {
	if status, reason, message := condition(object, "Failed"); status == "True" {
		return verdict{failed: true, waiting: "Job failed: [" + reason + "] " + message}
	}
	if status, _, _ := condition(object, "Complete"); status == "True" && word(object, "status", "startTime") != "" {
		return ready
	}
	return waitingFor("Job is not complete: %d active, %d succeeded, %d failed", number(object, 0, "status", "active"),
		number(object, 0, "status", "succeeded"), number(object, 0, "status", "failed"))
}

func volumeVerdict(object *unstructured.Unstructured) verdict {
	phase := word(object, "status", "phase")
	if phase == "Available" || phase == "Bound" {
		return ready
	}
	return waitingFor("PersistentVolume is %q", phase)
}

// quotaVerdict: the controller has taken over every limit.
func quotaVerdict(object *unstructured.Unstructured) verdict {
	want, _, _ := unstructured.NestedStringMap(object.Object, "spec", "hard")
	have, _, _ := unstructured.NestedStringMap(object.Object, "status", "hard")
	for name, limit := range want {
		if have[name] != limit {
			return waitingFor("ResourceQuota: .status.hard does not match .spec.hard")
		}
	}
	return ready
}

// secretVerdict: only service account tokens are filled in by a controller.
func secretVerdict(object *unstructured.Unstructured) verdict {
	data, _, _ := unstructured.NestedMap(object.Object, "data")
	if word(object, "type") != "kubernetes.io/service-account-token" || len(data) > 0 {
		return ready
	}
	return waitingFor("the service account token has not been filled in")
}
