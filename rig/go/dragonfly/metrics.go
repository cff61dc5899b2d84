package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

// valkey is the server behind, asked over its Unix socket.
type valkey struct{ socket, password string }

// ask sends one command without arguments and returns the bulk or simple reply.
func (v valkey) ask(command string) (string, error) {
	connection, err := net.DialTimeout("unix", v.socket, time.Second)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(3 * time.Second))
	fmt.Fprintf(connection, "*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n*1\r\n$%d\r\n%s\r\n",
		len(ownUser), ownUser, len(v.password), v.password, len(command), command)
	reader := bufio.NewReader(connection)
	if _, err := reply(reader); err != nil {
		return "", err
	}
	return reply(reader)
}

func reply(reader *bufio.Reader) (string, error) {
	line, err := reader.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case strings.HasPrefix(line, "+"):
		return line[1:], nil
	case strings.HasPrefix(line, "-"):
		return "", errors.New(line[1:])
	case strings.HasPrefix(line, "$"):
		size, err := strconv.Atoi(line[1:])
		if err != nil || size < 0 {
			return "", fmt.Errorf("reply of size %q", line[1:])
		}
		content := make([]byte, size+2)
		_, err = io.ReadFull(reader, content)
		return string(content[:size]), err
	default:
		return "", fmt.Errorf("reply of type %.1q", line)
	}
}

// admin serves /metrics on the admin port, with TLS unless it is switched off there. Nothing else is implemented, so
// --admin_nopass changes nothing: Dragonfly asks for no password there either.
func (s settings) admin(store valkey) error {
	if s.adminPort == 0 {
		select {}
	}
	handler := http.NewServeMux()
	handler.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		info, err := store.ask("INFO")
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, renderMetrics(info))
	})
	web := &http.Server{Addr: fmt.Sprintf("%s:%d", s.bind, s.adminPort), Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	if s.adminTLS {
		return web.ListenAndServeTLS(s.certFile, s.keyFile)
	}
	return web.ListenAndServe()
}

// metric is one line: Dragonfly's name with labels, its type, and the field of INFO that it comes from.
type metric struct{ name, labels, kind, field string }

var metrics = []metric{
	{"uptime_in_seconds", "", "counter", "uptime_in_seconds"},
	{"max_clients", "", "gauge", "maxclients"},
	{"connected_clients", `{listener="main"}`, "gauge", "connected_clients"},
	{"blocked_clients", "", "gauge", "blocked_clients"},
	{"memory_used_bytes", "", "gauge", "used_memory"},
	{"memory_used_peak_bytes", "", "gauge", "used_memory_peak"},
	{"memory_max_bytes", "", "gauge", "maxmemory"},
	{"used_memory_rss_bytes", "", "gauge", "used_memory_rss"},
	{"connections_received_total", "", "counter", "total_connections_received"},
	{"commands_processed_total", `{listener="main"}`, "counter", "total_commands_processed"},
	{"keyspace_hits_total", "", "counter", "keyspace_hits"},
	{"keyspace_misses_total", "", "counter", "keyspace_misses"},
	{"net_input_bytes_total", "", "counter", "total_net_input_bytes"},
	{"net_output_bytes_total", "", "counter", "total_net_output_bytes"},
	{"expired_keys_total", `{db="db0"}`, "counter", "expired_keys"},
	{"evicted_keys_total", `{db="db0"}`, "counter", "evicted_keys"},
}

func renderMetrics(info string) string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			fields[name] = value
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "# TYPE dragonfly_version gauge\ndragonfly_version{version=\"stand-in, Valkey %s\"} 1\n", fields["valkey_version"])
	master := map[bool]int{true: 1, false: 0}[fields["role"] == "master"]
	fmt.Fprintf(&out, "# TYPE dragonfly_master gauge\ndragonfly_master %d\n", master)
	for _, m := range metrics {
		if value, found := fields[m.field]; found {
			fmt.Fprintf(&out, "# TYPE dragonfly_%s %s\ndragonfly_%s%s %s\n", m.name, m.kind, m.name, m.labels, value)
		}
	}
	var keys, expiring []string
	for name, value := range fields {
		var count, ending int64
		if _, err := fmt.Sscanf(value, "keys=%d,expires=%d", &count, &ending); err == nil && strings.HasPrefix(name, "db") {
			keys = append(keys, fmt.Sprintf("dragonfly_db_keys{db=%q} %d\n", name, count))
			expiring = append(expiring, fmt.Sprintf("dragonfly_db_keys_expiring{db=%q} %d\n", name, ending))
		}
	}
	sort.Strings(keys)
	sort.Strings(expiring)
	out.WriteString("# TYPE dragonfly_db_keys gauge\n" + strings.Join(keys, "") + "# TYPE dragonfly_db_keys_expiring gauge\n" + strings.Join(expiring, ""))
	return out.String()
}
