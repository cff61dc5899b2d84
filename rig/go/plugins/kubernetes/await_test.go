package kubernetes

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func live(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	raw := map[string]any{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: raw}
	if err := object.UnmarshalJSON(append([]byte(`{"apiVersion":"v1","kind":"X",`), data[1:]...)); err != nil {
		t.Fatal(err)
	}
	return object
}

// judged compares a verdict with "ready", "failed", or a part of what it waits for.
func judged(t *testing.T, name string, got verdict, want string) {
	t.Helper()
	switch {
	case want == "ready" && got.ready, want == "failed" && got.failed:
	case want != "ready" && want != "failed" && !got.ready && !got.failed && strings.Contains(got.waiting, want):
	default:
		t.Errorf("%s: got %+v, want %q", name, got, want)
	}
}

func TestDeploymentVerdicts(t *testing.T) {
	set := func(revision, want, have string) unstructured.Unstructured {
		return *live(t, `{metadata: {annotations: {deployment.kubernetes.io/revision: "`+revision+`"}}, spec: {replicas: `+want+`}, status: {readyReplicas: `+have+`}}`)
	}
	deployment := func(revision, observed, conditions string) *unstructured.Unstructured {
		return live(t, `{metadata: {generation: 2, annotations: {deployment.kubernetes.io/revision: "`+revision+`"}}, status: {observedGeneration: `+observed+`, conditions: [`+conditions+`]}}`)
	}
	const available, progressed = `{type: Available, status: "True"}`, `{type: Progressing, status: "True", reason: NewReplicaSetAvailable}`
	const rolling, stuck = `{type: Progressing, status: "True", reason: ReplicaSetUpdated}`, `{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: slow}`
	judged(t, "controller behind", deploymentVerdict(deployment("1", "1", available), nil, nil), "generation 2")
	judged(t, "no ReplicaSet yet", deploymentVerdict(deployment("2", "2", available), []unstructured.Unstructured{set("1", "1", "1")}, nil), "revision 2")
	judged(t, "pods not ready", deploymentVerdict(deployment("1", "2", available), []unstructured.Unstructured{set("1", "3", "2")}, nil), "(2/3 Pods available)")
	judged(t, "first revision", deploymentVerdict(deployment("1", "2", available), []unstructured.Unstructured{set("1", "3", "3")}, nil), "ready")
	judged(t, "not available", deploymentVerdict(deployment("1", "2", progressed), []unstructured.Unstructured{set("1", "3", "3")}, nil), "Minimum number")
	judged(t, "rolling", deploymentVerdict(deployment("2", "2", available+","+rolling), []unstructured.Unstructured{set("1", "1", "1"), set("2", "1", "1")}, nil), "roll forward")
	judged(t, "rolled", deploymentVerdict(deployment("2", "2", available+","+progressed), []unstructured.Unstructured{set("2", "1", "1")}, nil), "ready")
	judged(t, "scaled to zero", deploymentVerdict(deployment("1", "2", available), []unstructured.Unstructured{set("1", "0", "0")}, nil), "ready")
	judged(t, "deadline exceeded waits on", deploymentVerdict(deployment("2", "2", available+","+stuck), []unstructured.Unstructured{set("2", "1", "0")}, nil), "[ProgressDeadlineExceeded] slow")
	claim := *live(t, `{metadata: {name: data}, status: {phase: Pending}}`)
	judged(t, "claim unbound", deploymentVerdict(deployment("1", "2", available), []unstructured.Unstructured{set("1", "1", "1")}, []unstructured.Unstructured{claim}), `"data" is Pending`)
}

func TestStatefulSetVerdicts(t *testing.T) {
	for name, test := range map[string]struct{ object, want string }{
		"controller behind": {`{metadata: {generation: 2}, status: {observedGeneration: 1}}`, "generation 2"},
		"ready":             {`{metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, currentReplicas: 2, currentRevision: a, updateRevision: a}}`, "ready"},
		"one pod missing":   {`{metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, readyReplicas: 1, currentReplicas: 2, currentRevision: a, updateRevision: a}}`, "1 out of 2"},
		"rolling":           {`{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, currentReplicas: 1, currentRevision: a, updateRevision: b}}`, `from revision "a" to revision "b"`},
		"on delete":         {`{metadata: {generation: 2}, spec: {replicas: 1, updateStrategy: {type: OnDelete}}, status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, currentRevision: a, updateRevision: b}}`, "ready"},
	} {
		judged(t, name, statefulSetVerdict(live(t, test.object)), test.want)
	}
}

func TestOtherWorkloadVerdicts(t *testing.T) {
	judged(t, "daemonset behind", daemonSetVerdict(live(t, `{metadata: {generation: 2}, status: {observedGeneration: 1, desiredNumberScheduled: 0}}`)), "generation 2")
	judged(t, "daemonset unscheduled", daemonSetVerdict(live(t, `{metadata: {generation: 1}, status: {observedGeneration: 1}}`)), "Missing")
	judged(t, "daemonset updating", daemonSetVerdict(live(t, `{metadata: {generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 1, currentNumberScheduled: 1, numberAvailable: 1, numberReady: 1}}`)), "Updated: 0/1")
	judged(t, "daemonset ready", daemonSetVerdict(live(t, `{metadata: {generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberReady: 1}}`)), "ready")
	judged(t, "job running", jobVerdict(live(t, `{status: {startTime: x, active: 1}}`)), "1 active")
	judged(t, "job complete", jobVerdict(live(t, `{status: {startTime: x, conditions: [{type: Complete, status: "True"}]}}`)), "ready")
	judged(t, "job failed", jobVerdict(live(t, `{status: {startTime: x, conditions: [{type: Failed, status: "True", reason: BackoffLimitExceeded}]}}`)), "failed")
	judged(t, "quota", quotaVerdict(live(t, `{spec: {hard: {pods: "5"}}, status: {hard: {pods: "4"}}}`)), "does not match")
	judged(t, "quota ready", quotaVerdict(live(t, `{spec: {hard: {pods: "5"}}, status: {hard: {pods: "5"}}}`)), "ready")
	judged(t, "secret", secretVerdict(live(t, `{type: Opaque}`)), "ready")
	judged(t, "token", secretVerdict(live(t, `{type: kubernetes.io/service-account-token}`)), "token")
	judged(t, "volume", volumeVerdict(live(t, `{status: {phase: Available}}`)), "ready")
}

func TestClaimVerdicts(t *testing.T) {
	pending, late, early := live(t, `{status: {phase: Pending}}`), live(t, `{volumeBindingMode: WaitForFirstConsumer}`), live(t, `{volumeBindingMode: Immediate}`)
	judged(t, "bound", claimVerdict(live(t, `{status: {phase: Bound}}`), early), "ready")
	judged(t, "first consumer", claimVerdict(pending, late), "ready")
	judged(t, "immediate", claimVerdict(pending, early), "Pending")
	judged(t, "no class", claimVerdict(pending, nil), "Pending")
}

func TestServiceVerdicts(t *testing.T) {
	service := func(spec string) *unstructured.Unstructured { return live(t, `{spec: {`+spec+`}}`) }
	targets, empty := live(t, `{subsets: [{addresses: [{ip: 10.0.0.1}]}]}`), live(t, `{subsets: []}`)
	judged(t, "headless", serviceVerdict(service(`selector: {a: b}, clusterIP: None`), nil, 0), "ready")
	judged(t, "external name", serviceVerdict(service(`selector: {a: b}, type: ExternalName`), nil, 0), "ready")
	judged(t, "no selector", serviceVerdict(service(`clusterIP: 10.0.0.9`), nil, 0), "ready")
	judged(t, "no endpoints", serviceVerdict(service(`selector: {a: b}`), nil, time.Hour), "does not target any Pods")
	judged(t, "no targets", serviceVerdict(service(`selector: {a: b}`), empty, time.Hour), "does not target any Pods")
	judged(t, "unsettled", serviceVerdict(service(`selector: {a: b}`), targets, 9*time.Second), "quiet")
	judged(t, "settled", serviceVerdict(service(`selector: {a: b}`), targets, 10*time.Second), "ready")
	judged(t, "load balancer", serviceVerdict(service(`selector: {a: b}, type: LoadBalancer`), targets, time.Hour), "IP address")
}

func TestIngressVerdicts(t *testing.T) {
	ingress := live(t, `{spec: {rules: [{http: {paths: [{backend: {service: {name: api}}}]}}]}}`)
	if services := ingressServices(ingress); len(services) != 1 || services[0] != "api" {
		t.Fatalf("got %v", services)
	}
	judged(t, "no endpoints", ingressVerdict(ingress, []string{"api"}), "[api]")
	judged(t, "no address", ingressVerdict(ingress, nil), "loadBalancer")
	judged(t, "ready", ingressVerdict(live(t, `{status: {loadBalancer: {ingress: [{ip: 10.0.0.1}]}}}`), nil), "ready")
}

func TestPodProblems(t *testing.T) {
	pod := live(t, `{metadata: {name: p}, status: {conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: no node}],
	  containerStatuses: [{name: api, state: {waiting: {reason: ImagePullBackOff, message: gone}}, lastState: {terminated: {exitCode: 7, reason: Error}}},
	  {name: new, state: {waiting: {reason: ContainerCreating}}}]}}`)
	all := strings.Join(podProblems(pod), "\n")
	for _, want := range []string{"Unschedulable: no node", "container api: ImagePullBackOff: gone", "exited with code 7"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in %s", want, all)
		}
	}
	if strings.Contains(all, "ContainerCreating") {
		t.Error("a container that is being made is no problem")
	}
}

func TestAwaitLimit(t *testing.T) {
	inputs := object(map[string]any{"metadata": map[string]any{"annotations": map[string]any{timeoutSeconds: "90"}}})
	for name, test := range map[string]struct {
		seconds float64
		want    time.Duration
	}{"customTimeouts win": {30, 30 * time.Second}, "annotation": {0, 90 * time.Second}} {
		if got := awaitLimit(inputs, test.seconds, time.Hour); got != test.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := awaitLimit(object(nil), 0, time.Hour); got != time.Hour {
		t.Errorf("default: %s", got)
	}
}
