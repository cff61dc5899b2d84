// Package netpol enforces NetworkPolicies on one node with nftables. It stands
// in for kube-router and keeps to its visible behaviour: what runs on the node
// itself always reaches its pods, pods on the host network are neither
// restricted nor peers, refused traffic is rejected, and addresses are judged
// after Service translation.
package netpol

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// State is everything that the rules follow from.
type State struct {
	Node       string
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
}

// peer is who may talk: anyone, a range without exceptions, or some pods.
type peer struct {
	any    bool
	cidr   netip.Prefix
	except []netip.Prefix
	pods   []netip.Addr
}

// portRange is a protocol (in nft's spelling) and ports; all when last is 0.
type portRange struct {
	protocol    string
	first, last int32
}

// allow is one permission. No ports mean any protocol and port.
type allow struct {
	peer  peer
	ports []portRange
}

// podRules are one pod's permissions; a direction that no policy names is open.
type podRules struct {
	ip                              netip.Addr
	ingressIsolated, egressIsolated bool
	ingress, egress                 []allow
}

// compile gives the rules of every restricted pod of the node.
func compile(s State) []podRules {
	var out []podRules
	for _, pod := range s.Pods {
		ip, ok := address(pod)
		if !ok || pod.Spec.NodeName != s.Node {
			continue
		}
		rules := podRules{ip: ip}
		for _, policy := range s.Policies {
			if policy.Namespace == pod.Namespace && selects(&policy.Spec.PodSelector, pod.Labels) {
				s.add(&rules, pod, policy)
			}
		}
		if rules.ingressIsolated || rules.egressIsolated {
			out = append(out, rules)
		}
	}
	slices.SortFunc(out, func(a, b podRules) int { return a.ip.Compare(b.ip) })
	return out
}

// address is the pod's IPv4 address while it has one of its own.
func address(pod *corev1.Pod) (netip.Addr, bool) {
	if pod.Spec.HostNetwork || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(pod.Status.PodIP)
	return ip, err == nil && ip.Is4()
}

func selects(selector *metav1.LabelSelector, of map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(of))
}

// add appends what one policy says about a pod that it selects.
func (s State) add(rules *podRules, pod *corev1.Pod, policy *networkingv1.NetworkPolicy) {
	ingress, egress := directions(policy)
	if ingress {
		rules.ingressIsolated = true
		for _, rule := range policy.Spec.Ingress {
			ports, possible := resolve(rule.Ports, pod)
			if !possible {
				continue
			}
			for _, p := range s.peers(policy.Namespace, rule.From) {
				rules.ingress = append(rules.ingress, allow{p, ports})
			}
		}
	}
	if egress {
		rules.egressIsolated = true
		for _, rule := range policy.Spec.Egress {
			for _, p := range s.peers(policy.Namespace, rule.To) {
				rules.egress = append(rules.egress, s.egressTo(p, rule.Ports)...)
			}
		}
	}
}

// directions applies the API's default for a policy without policyTypes.
func directions(policy *networkingv1.NetworkPolicy) (ingress, egress bool) {
	if len(policy.Spec.PolicyTypes) == 0 {
		return true, len(policy.Spec.Egress) > 0
	}
	return slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress),
		slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
}

// peers translates a from or to list; an empty list means everyone.
func (s State) peers(namespace string, list []networkingv1.NetworkPolicyPeer) []peer {
	if len(list) == 0 {
		return []peer{{any: true}}
	}
	var out []peer
	for _, entry := range list {
		if entry.IPBlock == nil {
			out = append(out, peer{pods: s.matching(namespace, entry)})
			continue
		}
		cidr, err := netip.ParsePrefix(entry.IPBlock.CIDR)
		if err != nil || !cidr.Addr().Is4() {
			continue
		}
		p := peer{cidr: cidr.Masked()}
		for _, text := range entry.IPBlock.Except {
			if hole, err := netip.ParsePrefix(text); err == nil {
				p.except = append(p.except, hole.Masked())
			}
		}
		out = append(out, p)
	}
	return out
}

// matching are the addresses of the pods that both selectors choose.
func (s State) matching(namespace string, entry networkingv1.NetworkPolicyPeer) []netip.Addr {
	chosen := map[string]bool{}
	for _, ns := range s.Namespaces {
		if entry.NamespaceSelector == nil {
			chosen[ns.Name] = ns.Name == namespace
		} else {
			chosen[ns.Name] = selects(entry.NamespaceSelector, ns.Labels)
		}
	}
	var out []netip.Addr
	for _, pod := range s.Pods {
		ip, ok := address(pod)
		if ok && chosen[pod.Namespace] && (entry.PodSelector == nil || selects(entry.PodSelector, pod.Labels)) {
			out = append(out, ip)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// egressTo resolves named ports, which mean the destination pod's, pod by pod.
func (s State) egressTo(to peer, ports []networkingv1.NetworkPolicyPort) []allow {
	var fixed, named []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		if port.Port != nil && port.Port.Type == intstr.String {
			named = append(named, port)
		} else {
			fixed = append(fixed, port)
		}
	}
	var out []allow
	if len(named) == 0 || len(fixed) > 0 {
		numbers, _ := resolve(fixed, nil)
		out = append(out, allow{to, numbers})
	}
	if len(named) == 0 {
		return out
	}
	for _, pod := range s.Pods {
		ip, ok := address(pod)
		if !ok || !to.includes(ip) {
			continue
		}
		if numbers, possible := resolve(named, pod); possible {
			out = append(out, allow{peer{pods: []netip.Addr{ip}}, numbers})
		}
	}
	return out
}

func (p peer) includes(ip netip.Addr) bool {
	if p.any {
		return true
	}
	if !p.cidr.IsValid() {
		return slices.Contains(p.pods, ip)
	}
	return p.cidr.Contains(ip) && !slices.ContainsFunc(p.except, func(hole netip.Prefix) bool { return hole.Contains(ip) })
}

// resolve gives numbers to ports, names being those of the pod's containers.
// It is not possible when ports are listed and none of them exists.
func resolve(ports []networkingv1.NetworkPolicyPort, pod *corev1.Pod) (out []portRange, possible bool) {
	for _, port := range ports {
		protocol := corev1.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		r := portRange{protocol: map[corev1.Protocol]string{corev1.ProtocolTCP: "tcp", corev1.ProtocolUDP: "udp", corev1.ProtocolSCTP: "sctp"}[protocol]}
		switch {
		case port.Port == nil:
		case port.Port.Type == intstr.Int:
			r.first, r.last = port.Port.IntVal, port.Port.IntVal
			if port.EndPort != nil {
				r.last = *port.EndPort
			}
		default:
			r.first = containerPort(pod, port.Port.StrVal, protocol)
			if r.last = r.first; r.first == 0 {
				continue
			}
		}
		out = append(out, r)
	}
	return out, len(ports) == 0 || len(out) > 0
}

func containerPort(pod *corev1.Pod, name string, protocol corev1.Protocol) int32 {
	// An init container with restartPolicy Always is a sidecar and serves.
	for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		for _, port := range container.Ports {
			if port.Name == name && (port.Protocol == protocol || port.Protocol == "" && protocol == corev1.ProtocolTCP) {
				return port.ContainerPort
			}
		}
	}
	return 0
}
