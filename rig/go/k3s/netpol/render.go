package netpol

import (
	"fmt"
	"net/netip"
	"strings"
)

// Render gives one nft transaction that replaces the node's rules. Each
// direction has a base chain of its own: an accept ends only its own chain, so
// traffic between two restricted pods needs the consent of both.
func Render(s State) string {
	var egress, ingress, chains []string
	for _, pod := range compile(s) {
		if pod.egressIsolated {
			egress = append(egress, fmt.Sprintf("%s : goto e-%s", pod.ip, pod.ip))
			chains = append(chains, chain("e-"+pod.ip.String(), "daddr", pod.ip, pod.egress))
		}
		if pod.ingressIsolated {
			ingress = append(ingress, fmt.Sprintf("%s : goto i-%s", pod.ip, pod.ip))
			chains = append(chains, chain("i-"+pod.ip.String(), "saddr", pod.ip, pod.ingress))
		}
	}
	out := "add table inet k3s-netpol\ndelete table inet k3s-netpol\ntable inet k3s-netpol {\n" + strings.Join(chains, "")
	out += base("forward-egress", "forward priority filter - 2", "saddr", egress)
	out += base("forward-ingress", "forward priority filter - 1", "daddr", ingress)
	// A pod that calls its own node is not forwarded. The reverse way, from
	// the node to its pods, passes neither hook and stays open.
	out += base("input-egress", "input priority filter - 2", "saddr", egress)
	return out + "}\n"
}

func base(name, hook, side string, entries []string) string {
	out := fmt.Sprintf("  chain %s {\n    type filter hook %s; policy accept;\n    ct state established,related accept\n", name, hook)
	if len(entries) > 0 {
		out += fmt.Sprintf("    ip %s vmap { %s }\n", side, strings.Join(entries, ", "))
	}
	return out + "  }\n"
}

// chain accepts what is allowed, and the pod's traffic to itself, which no
// policy can forbid, and rejects the rest.
func chain(name, side string, self netip.Addr, allowed []allow) string {
	out := fmt.Sprintf("  chain %s {\n    ip %s %s accept\n", name, side, self)
	seen := map[string]bool{}
	for _, entry := range allowed {
		who, possible := entry.peer.match(side)
		if !possible {
			continue
		}
		ports := []string{""}
		if len(entry.ports) > 0 {
			ports = nil
			for _, port := range entry.ports {
				ports = append(ports, port.match())
			}
		}
		for _, port := range ports {
			if line := "    " + who + port + "accept\n"; !seen[line] {
				seen[line] = true
				out += line
			}
		}
	}
	return out + "    reject with icmpx port-unreachable\n  }\n"
}

// match is an nft expression; a choice of no pods matches nothing.
func (p peer) match(side string) (string, bool) {
	switch {
	case p.any:
		return "", true
	case p.cidr.IsValid():
		out := ""
		if p.cidr.Bits() > 0 {
			out = fmt.Sprintf("ip %s %s ", side, p.cidr)
		}
		for _, hole := range p.except {
			out += fmt.Sprintf("ip %s != %s ", side, hole)
		}
		return out, true
	case len(p.pods) == 0:
		return "", false
	}
	var pods []string
	for _, ip := range p.pods {
		pods = append(pods, ip.String())
	}
	return fmt.Sprintf("ip %s { %s } ", side, strings.Join(pods, ", ")), true
}

func (r portRange) match() string {
	switch {
	case r.last == 0:
		return "meta l4proto " + r.protocol + " "
	case r.first == r.last:
		return fmt.Sprintf("%s dport %d ", r.protocol, r.first)
	}
	return fmt.Sprintf("%s dport %d-%d ", r.protocol, r.first, r.last)
}
