package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// cniState keeps address leases in memory: after a boot no pod has one.
const cniState = "/run/k3s/cni"

// prepareKernel sets what k3s sets before it starts components. Without the
// bridge call, traffic between two pods of this node would pass no rule.
func prepareKernel() error {
	for _, module := range []string{"overlay", "br_netfilter", "nf_conntrack"} {
		if out, err := exec.Command("modprobe", module).CombinedOutput(); err != nil {
			logf("warning", "modprobe %s: %v: %s (it may be built in)", module, err, strings.TrimSpace(string(out)))
		}
	}
	for name, value := range map[string]string{
		"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/forwarding": "1", "net/bridge/bridge-nf-call-iptables": "1",
	} {
		path := "/proc/sys/" + name
		if current, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(current)) == value {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			return fmt.Errorf("kernel setting %s: %w", strings.ReplaceAll(name, "/", "."), err)
		}
	}
	return nil
}

// prepareBackend makes the device that the flannel backend needs. There is one
// node, so nothing passes it; what it proves is that the kernel can.
func prepareBackend(backend string) error {
	var device netlink.Link
	switch backend {
	case "wireguard-native":
		device = &netlink.Wireguard{LinkAttrs: netlink.LinkAttrs{Name: "flannel-wg", MTU: 1420}}
	case "vxlan":
		device = &netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "flannel.1", MTU: 1450}, VxlanId: 1, Port: 8472}
	default:
		return nil
	}
	if err := netlink.LinkAdd(device); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("flannel exited: failed to set up the %s device %s: %w", backend, device.Attrs().Name, err)
	}
	return netlink.LinkSetUp(device)
}

// dropStaleBridge removes the bridge of an earlier boot, whose network
// namespace may have outlived it. The lease directory tells the boots apart.
func dropStaleBridge() error {
	if _, err := os.Stat(cniState); err == nil {
		return nil
	}
	if bridge, err := netlink.LinkByName("cni0"); err == nil {
		if err := netlink.LinkDel(bridge); err != nil {
			return fmt.Errorf("removing the stale bridge cni0: %w", err)
		}
	}
	return os.MkdirAll(cniState, 0o700)
}

// writeCNI writes the network list for the node's own range. Its presence is
// what makes the node Ready.
func writeCNI(c *config, p paths, podCIDR string) error {
	mtu := 1500
	switch c.flannelBackend {
	case "wireguard-native":
		mtu = 1420
	case "vxlan":
		mtu = 1450
	}
	body := fmt.Sprintf(`{
  "cniVersion": "1.0.0",
  "name": "cbr0",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "mtu": %d,
      "isDefaultGateway": true, "forceAddress": true, "hairpinMode": true,
      "ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": %q}]]}
    },
    {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": true}}
  ]
}
`, mtu, cniState, podCIDR)
	return writeFile(p.agent+"/etc/cni/net.d/10-flannel.conflist", []byte(body), 0o600)
}

// masquerade hides pod addresses from everything outside the cluster.
func masquerade(ctx context.Context, s *supervisor, c *config) error {
	rules := fmt.Sprintf(`add table ip k3s-masquerade
flush table ip k3s-masquerade
table ip k3s-masquerade {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr %[1]s ip daddr != { %[1]s, 224.0.0.0/4 } masquerade
  }
}
`, c.clusterCIDR)
	_, err := s.output(ctx, strings.NewReader(rules), "nft", "-f", "-")
	return err
}

// resolvConf is the host's file unless that leads pods to themselves; then
// k3s gives them a public server.
func resolvConf(p paths) (string, error) {
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		if body, err := os.ReadFile(path); err == nil && usableServers(string(body)) {
			return path, nil
		}
	}
	path := p.agent + "/etc/resolv.conf"
	return path, writeFile(path, []byte("nameserver 8.8.8.8\n"), 0o644)
}

func usableServers(body string) bool {
	found := false
	for line := range strings.Lines(body) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		ip := net.ParseIP(fields[1])
		if ip == nil || ip.IsLoopback() || ip.IsUnspecified() {
			return false
		}
		found = true
	}
	return found
}

// toolPath puts the bundled tools before the host's, or after them.
func toolPath(bin string, bundledFirst bool) string {
	parts := []string{bin, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	if !bundledFirst {
		parts = append(slices.Clone(parts[1:]), bin)
	}
	return strings.Join(parts, ":")
}
