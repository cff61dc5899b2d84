package netpol

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// ref is a pod of the suite's model: namespaces x, y, z with pods a, b, c that
// serve ports 80 and 81 on TCP, UDP and SCTP.
type ref struct{ ns, pod string }

var protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}

func model() (State, map[ref]netip.Addr) {
	state, addresses := State{Node: "node"}, map[ref]netip.Addr{}
	for i, ns := range []string{"x", "y", "z"} {
		state.Namespaces = append(state.Namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: ns, Labels: map[string]string{"ns": ns, "kubernetes.io/metadata.name": ns},
		}})
		for j, name := range []string{"a", "b", "c"} {
			ip := netip.AddrFrom4([4]byte{10, 42, 0, byte(10*(i+1) + j)})
			addresses[ref{ns, name}] = ip
			state.Pods = append(state.Pods, modelPod(ns, name, ip))
		}
	}
	return state, addresses
}

func modelPod(ns, name string, ip netip.Addr) *corev1.Pod {
	var ports []corev1.ContainerPort
	for _, number := range []int32{80, 81} {
		for _, protocol := range protocols {
			ports = append(ports, corev1.ContainerPort{
				Name: fmt.Sprintf("serve-%d-%s", number, strings.ToLower(string(protocol))), ContainerPort: number, Protocol: protocol,
			})
		}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{"pod": name}},
		Spec:       corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Ports: ports}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip.String()},
	}
}

// policies reads YAML documents; the namespace is x unless they say otherwise.
func policies(t *testing.T, text string) (out []*networkingv1.NetworkPolicy) {
	t.Helper()
	for i, document := range strings.Split(text, "\n---\n") {
		policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: strconv.Itoa(i)}}
		if err := yaml.UnmarshalStrict([]byte(document), policy); err != nil {
			t.Fatalf("policy %d: %v", i, err)
		}
		out = append(out, policy)
	}
	return out
}

// packet is the first one of a connection.
type packet struct {
	from, to netip.Addr
	protocol corev1.Protocol
	port     int
}

// forwarded walks the rendered rules as the kernel would. It knows only the
// expressions that Render writes and fails on any other.
func forwarded(t *testing.T, rules string, p packet) bool {
	t.Helper()
	chains := parseChains(rules)
	return passes(t, chains, "forward-egress", p) && passes(t, chains, "forward-ingress", p)
}

func parseChains(rules string) map[string][]string {
	chains, current := map[string][]string{}, ""
	for line := range strings.Lines(rules) {
		line = strings.TrimSpace(line)
		if name, found := strings.CutPrefix(line, "chain "); found {
			current = strings.TrimSuffix(name, " {")
		} else if current != "" && line != "}" && !strings.HasPrefix(line, "type filter") && !strings.HasPrefix(line, "ct state") {
			chains[current] = append(chains[current], line)
		}
	}
	return chains
}

func passes(t *testing.T, chains map[string][]string, name string, p packet) bool {
	t.Helper()
	for _, line := range chains[name] {
		words := strings.Fields(strings.NewReplacer(",", "", "{ ", "", " }", "").Replace(line))
		if len(words) > 2 && words[2] == "vmap" {
			for i := 3; i+3 < len(words); i += 4 {
				if words[i] == p.side(words[1]).String() {
					return passes(t, chains, words[i+3], p)
				}
			}
			continue
		}
		if verdict, matched := match(t, words, p); matched {
			return verdict == "accept"
		}
	}
	return true // the base chain's policy
}

// match evaluates one rule: its verdict, and whether it applies.
func match(t *testing.T, words []string, p packet) (string, bool) {
	t.Helper()
	for i := 0; i < len(words); {
		switch {
		case words[i] == "accept" || words[i] == "reject":
			return words[i], true
		case words[i] == "ip":
			matched, next := matchAddress(words, i, p)
			if !matched {
				return "", false
			}
			i = next
		case words[i] == "meta" && words[i+1] == "l4proto":
			if words[i+2] != strings.ToLower(string(p.protocol)) {
				return "", false
			}
			i += 3
		case words[i+1] == "dport":
			first, last, ranged := strings.Cut(words[i+2], "-")
			if !ranged {
				last = first
			}
			low, _ := strconv.Atoi(first)
			high, _ := strconv.Atoi(last)
			if words[i] != strings.ToLower(string(p.protocol)) || p.port < low || p.port > high {
				return "", false
			}
			i += 3
		default:
			t.Fatalf("the test does not understand %q in %q", words[i], strings.Join(words, " "))
		}
	}
	return "", false
}

// matchAddress evaluates `ip saddr [!=] A B ...` and returns where it ends.
func matchAddress(words []string, i int, p packet) (bool, int) {
	side, negated := p.side(words[i+1]), words[i+2] == "!="
	if i += 2; negated {
		i++
	}
	found := false
	for ; i < len(words) && strings.Contains(words[i], "."); i++ {
		prefix, err := netip.ParsePrefix(words[i])
		if err != nil {
			prefix = netip.PrefixFrom(netip.MustParseAddr(words[i]), 32)
		}
		found = found || prefix.Contains(side)
	}
	return found != negated, i
}

func (p packet) side(name string) netip.Addr {
	if name == "saddr" {
		return p.from
	}
	return p.to
}

// disagreements compares every pair, port and protocol with an expectation.
func disagreements(t *testing.T, state State, addresses map[ref]netip.Addr, allowed func(from, to ref, port int, protocol corev1.Protocol) bool) (out []string) {
	t.Helper()
	rules := Render(state)
	for from, source := range addresses {
		for to, target := range addresses {
			for _, port := range []int{80, 81} {
				for _, protocol := range protocols {
					want := from == to || allowed(from, to, port, protocol)
					if got := forwarded(t, rules, packet{source, target, protocol, port}); got != want {
						out = append(out, fmt.Sprintf("%s/%s -> %s/%s %d/%s: allowed %t, want %t", from.ns, from.pod, to.ns, to.pod, port, protocol, got, want))
					}
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
