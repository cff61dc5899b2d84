package kubernetes

import (
	"context"
	"fmt"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const problemsShown = 10

var (
	podResource   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	eventResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}
)

// workloadProblems collects what the pods, the ReplicaSets and the events say about a workload that does not get ready.
func workloadProblems(ctx context.Context, p *Provider, live *unstructured.Unstructured) []string {
	owners := []unstructured.Unstructured{*live}
	if live.GetKind() == "Deployment" {
		sets, _ := owned(ctx, p, replicaSets, live)
		owners = append(owners, sets...)
	}
	var problems []string
	involved := map[string]bool{}
	for i := range owners {
		involved[string(owners[i].GetUID())] = true
		if status, reason, message := condition(&owners[i], "ReplicaFailure"); status == "True" {
			problems = append(problems, fmt.Sprintf("[%s %s] %s: %s", owners[i].GetKind(), owners[i].GetName(), reason, message))
		}
		pods, _ := owned(ctx, p, podResource, &owners[i])
		for j := range pods {
			involved[string(pods[j].GetUID())] = true
			problems = append(problems, podProblems(&pods[j])...)
		}
	}
	return unique(append(problems, events(ctx, p, live.GetNamespace(), involved)...))
}

// objectEvents are the warnings about the object itself.
func objectEvents(ctx context.Context, p *Provider, live *unstructured.Unstructured) []string {
	return unique(events(ctx, p, live.GetNamespace(), map[string]bool{string(live.GetUID()): true}))
}

func events(ctx context.Context, p *Provider, namespace string, involved map[string]bool) []string {
	list, err := p.cluster.objects.Resource(eventResource).Namespace(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return []string{fmt.Sprintf("events could not be read: %v", err)}
	}
	return eventProblems(list.Items, involved)
}

func eventProblems(items []unstructured.Unstructured, involved map[string]bool) []string {
	var problems []string
	for i := range items {
		item := &items[i]
		if involved[word(item, "involvedObject", "uid")] {
			problems = append(problems, fmt.Sprintf("[%s %s] %s: %s", word(item, "involvedObject", "kind"), word(item, "involvedObject", "name"),
				word(item, "reason"), strings.TrimSpace(word(item, "message"))))
		}
	}
	return problems
}

// podProblems names an unschedulable pod and each container that waits or died for a reason.
func podProblems(pod *unstructured.Unstructured) []string {
	var problems []string
	add := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("[Pod %s] ", pod.GetName())+fmt.Sprintf(format, args...))
	}
	if status, reason, message := condition(pod, "PodScheduled"); status == "False" {
		add("%s: %s", reason, message)
	}
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", list)
		for _, item := range statuses {
			status, _ := item.(map[string]any)
			container := &unstructured.Unstructured{Object: status}
			if reason := word(container, "state", "waiting", "reason"); reason != "" && reason != "ContainerCreating" && reason != "PodInitializing" {
				add("container %s: %s: %s", status["name"], reason, word(container, "state", "waiting", "message"))
			}
			for _, state := range []string{"state", "lastState"} {
				if code := number(container, 0, state, "terminated", "exitCode"); code != 0 {
					add("container %s: exited with code %d (%s) %s", status["name"], code, word(container, state, "terminated", "reason"), word(container, state, "terminated", "message"))
				}
			}
		}
	}
	return problems
}

// unique sorts, drops repeats and bounds the list.
func unique(problems []string) []string {
	seen := map[string]bool{}
	var result []string
	for _, problem := range problems {
		if !seen[problem] {
			seen[problem] = true
			result = append(result, problem)
		}
	}
	sort.Strings(result)
	if len(result) > problemsShown {
		result = append(result[:problemsShown], fmt.Sprintf("and %d more", len(result)-problemsShown))
	}
	return result
}
