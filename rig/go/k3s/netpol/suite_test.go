package netpol

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The cases of Kubernetes' own suite (test/e2e/network/netpol in 1.36.3) that
// do not depend on time. Each policy is in namespace x unless it says where.
var suite = []struct {
	name, policies string
	allowed        func(from, to ref, port int, protocol corev1.Protocol) bool
}{
	{"default-deny-ingress", `spec: {podSelector: {}, policyTypes: [Ingress]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to.ns != "x" }},
	{"default-deny-all", `spec: {podSelector: {}, policyTypes: [Ingress, Egress]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to.ns != "x" && from.ns != "x" }},
	{"default-deny-egress", `spec: {podSelector: {}, policyTypes: [Egress]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return from.ns != "x" }},
	{"no types and no egress rules restrict ingress only", `spec: {podSelector: {}}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to.ns != "x" }},
	{"pods within the server namespace by PodSelector",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to != ref{"x", "a"} || from == ref{"x", "b"} }},
	{"ingress for a target from everyone", `spec: {podSelector: {}, policyTypes: [Ingress]}
---
spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to.ns != "x" || to.pod == "a" }},
	{"pods in all namespaces", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return true }},
	{"a different namespace by NamespaceSelector",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to != ref{"x", "a"} || from.ns == "y" }},
	{"PodSelector with MatchExpressions",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b]}]}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to != ref{"x", "a"} || from == ref{"x", "b"} }},
	{"NamespaceSelector with MatchExpressions on the default label",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [x, z]}]}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to != ref{"x", "a"} || from.ns == "y" }},
	{"PodSelector or NamespaceSelector",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}, {namespaceSelector: {matchLabels: {ns: "y"}}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool {
			return to != ref{"x", "a"} || from == ref{"x", "b"} || from.ns == "y"
		}},
	{"PodSelector and NamespaceSelector",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}, namespaceSelector: {matchLabels: {ns: "y"}}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to != ref{"x", "a"} || from == ref{"y", "b"} }},
	{"multiple selectors",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}, namespaceSelector: {matchExpressions: [{key: ns, operator: In, values: ["y", z]}]}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool {
			return to != ref{"x", "a"} || from.ns != "x" && from.pod != "a"
		}},
	{"any of several PodSelectors",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}, {podSelector: {matchLabels: {pod: c}}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to != ref{"x", "a"} || from.ns == "x" }},
	{"ports", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 81, protocol: TCP}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || from.ns == "y" && port == 81 && protocol == "TCP"
		}},
	{"stacked policies", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 81}]}]}
---
spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 80}]}]}`,
		func(from, to ref, _ int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || from.ns == "y" && protocol == "TCP"
		}},
	{"allow-all", `spec: {podSelector: {}, ingress: [{}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return true }},
	{"one named port", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: serve-81-tcp}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || port == 81 && protocol == "TCP"
		}},
	{"one named port from a namespace",
		`spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}}], ports: [{port: serve-80-tcp}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || from.ns == "x" && port == 80 && protocol == "TCP"
		}},
	{"egress on one named port", `spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{ports: [{port: serve-80-tcp}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return from != ref{"x", "a"} || port == 80 && protocol == "TCP"
		}},
	{"a named port that nobody has", `spec: {podSelector: {}, ingress: [{ports: [{port: absent}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return to.ns != "x" }},
	{"egress by PodSelector", `spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return from != ref{"x", "a"} }},
	{"ingress and egress together",
		`spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]}], egress: [{to: [{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: a}}}], ports: [{port: 80}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			plain := port == 80 && protocol == "TCP"
			return (to != ref{"x", "a"} || from == ref{"x", "b"} && plain) && (from != ref{"x", "a"} || to == ref{"y", "a"} && plain)
		}},
	{"the client's denial wins over the server's consent", `metadata: {namespace: "y"}
spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}}]}]}
---
spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: z}}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool {
			return (from != ref{"x", "a"} || to.ns == "z") && (to != ref{"y", "a"} || from.ns == "x")
		}},
	{"any port of one protocol", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{protocol: UDP}]}]}`,
		func(from, to ref, _ int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || protocol == "UDP"
		}},
	{"allow-all takes precedence", `spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}
---
spec: {podSelector: {}, ingress: [{}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return true }},
	{"egress allow-all takes precedence", `spec: {podSelector: {}, policyTypes: [Egress]}
---
spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return true }},
	{"egress to a CIDR block", `spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.42.0.21/32}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return from != ref{"x", "a"} || to == ref{"y", "b"} }},
	{"except within a CIDR block", `spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.42.0.0/24, except: [10.42.0.21/32, 10.42.0.30/31]}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool {
			return from != ref{"x", "a"} || to != ref{"y", "b"} && to != ref{"z", "a"} && to != ref{"z", "b"}
		}},
	{"a CIDR of one policy overlaps the exception of another", `spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.42.0.0/24, except: [10.42.0.21/32]}}]}]}
---
spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.42.0.21/32}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return true }},
	{"egress to everywhere but pods", `spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}`,
		func(from, to ref, _ int, _ corev1.Protocol) bool { return from.ns != "x" }},
	{"SCTP is not TCP", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81, protocol: SCTP}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || port == 81 && protocol == "SCTP"
		}},
	{"UDP is not TCP", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81, protocol: UDP}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || port == 81 && protocol == "UDP"
		}},
	{"a range of ports", `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 70, endPort: 80}]}]}`,
		func(from, to ref, port int, protocol corev1.Protocol) bool {
			return to != ref{"x", "a"} || port == 80 && protocol == "TCP"
		}},
}

func TestSuite(t *testing.T) {
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			state, addresses := model()
			state.Policies = policies(t, c.policies)
			if wrong := disagreements(t, state, addresses, c.allowed); len(wrong) > 0 {
				t.Errorf("%d disagreements:\n%s\n%s", len(wrong), strings.Join(wrong, "\n"), Render(state))
			}
		})
	}
}

func TestLabelsDecideAnew(t *testing.T) {
	state, addresses := model()
	state.Policies = policies(t, `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod2: updated}}}]}]}`)
	expect := func(open bool) {
		t.Helper()
		wrong := disagreements(t, state, addresses, func(from, to ref, _ int, _ corev1.Protocol) bool {
			return to != ref{"x", "a"} || open && from == ref{"x", "b"}
		})
		if len(wrong) > 0 {
			t.Error(strings.Join(wrong, "\n"))
		}
	}
	expect(false)
	state.Pods[1].Labels = map[string]string{"pod": "b", "pod2": "updated"}
	expect(true)
}

func TestPodsWithoutAnAddressOfTheirOwnAreNoPeers(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"host network": func(p *corev1.Pod) { p.Spec.HostNetwork = true },
		"finished":     func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded },
		"no address":   func(p *corev1.Pod) { p.Status.PodIP = "" },
	} {
		state, addresses := model()
		change(state.Pods[1])
		state.Policies = policies(t, `spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`)
		if forwarded(t, Render(state), packet{addresses[ref{"x", "b"}], addresses[ref{"x", "a"}], corev1.ProtocolTCP, 80}) {
			t.Errorf("%s: the pod's former address is still a peer", name)
		}
	}
}

func TestOtherNodesPodsAreLeftToTheirNode(t *testing.T) {
	state, _ := model()
	state.Policies = policies(t, `spec: {podSelector: {}}`)
	for _, pod := range state.Pods {
		pod.Spec.NodeName = "elsewhere"
	}
	if rules := Render(state); strings.Contains(rules, "goto") {
		t.Errorf("rules for another node's pods:\n%s", rules)
	}
}

func TestEgressToTheOwnNodeIsJudged(t *testing.T) {
	state, addresses := model()
	state.Policies = policies(t, `spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.0.2.1/32}}], ports: [{port: 6443}]}]}`)
	chains := parseChains(Render(state))
	node := netip.MustParseAddr("192.0.2.1")
	for port, want := range map[int]bool{6443: true, 2379: false} {
		if got := passes(t, chains, "input-egress", packet{addresses[ref{"x", "a"}], node, corev1.ProtocolTCP, port}); got != want {
			t.Errorf("port %d of the node: allowed %t, want %t", port, got, want)
		}
	}
}

// TestKernelAcceptsRules gives every rule set to nft in a network namespace
// of its own.
func TestKernelAcceptsRules(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft")
	}
	for _, c := range suite {
		state, _ := model()
		state.Policies = policies(t, c.policies)
		command := exec.Command("unshare", "--net", "nft", "-f", "-")
		command.Stdin = strings.NewReader(Render(state))
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", c.name, err, out)
		}
	}
}
