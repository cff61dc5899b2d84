package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// reader converts values and collects every problem.
type reader struct {
	settings
	problems []error
}

func (r *reader) fail(name, why string) {
	r.problems = append(r.problems, fmt.Errorf("%s: %s", name, why))
}

func (r *reader) text(name, fallback string) string {
	values := r.settings[name]
	if len(values) == 0 {
		return fallback
	}
	return values[len(values)-1]
}

func (r *reader) split(name string) []string {
	var out []string
	for _, value := range r.settings[name] {
		for _, part := range strings.Split(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

func (r *reader) boolean(name string, fallback bool) bool {
	value, err := strconv.ParseBool(r.text(name, strconv.FormatBool(fallback)))
	if err != nil {
		r.fail(name, "expected true or false, got "+strconv.Quote(r.text(name, "")))
	}
	return value
}

func (r *reader) number(name string, fallback int) int {
	value, err := strconv.Atoi(r.text(name, strconv.Itoa(fallback)))
	if err != nil || value < 0 {
		r.fail(name, "expected a number, got "+strconv.Quote(r.text(name, "")))
	}
	return value
}

func (r *reader) mode(name, fallback string) os.FileMode {
	value, err := strconv.ParseUint(r.text(name, fallback), 8, 32)
	if err != nil {
		r.fail(name, "expected an octal mode, got "+strconv.Quote(r.text(name, "")))
	}
	return os.FileMode(value)
}

func (r *reader) prefix(name, fallback string) netip.Prefix {
	value, err := netip.ParsePrefix(r.text(name, fallback))
	if err != nil || !value.Addr().Is4() {
		r.fail(name, "expected one IPv4 range such as "+fallback+", got "+strconv.Quote(r.text(name, "")))
	}
	return value.Masked()
}

// nodeIP defaults to the address that a packet to the outside would have.
func (r *reader) nodeIP() netip.Addr {
	given := r.split("node-ip")
	if len(given) == 0 {
		return defaultAddress()
	}
	value, err := netip.ParseAddr(given[0])
	if err != nil || !value.Is4() || len(given) > 1 {
		r.fail("node-ip", fmt.Sprintf("the k3s stand-in takes one IPv4 address, got %v", given))
	}
	return value
}

func defaultAddress() netip.Addr {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return netip.MustParseAddr("127.0.0.1")
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return strings.ToLower(name)
}
