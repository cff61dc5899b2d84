package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// What one thread needs at least; Dragonfly ends below it.
const mebibytesPerThread = 256

// settings is what the flags say, checked.
type settings struct {
	threads, port, adminPort, databases, clients int
	maxmemory                                    int64 // bytes
	cacheMode, tls, adminTLS                     bool
	dir, filename, bind, luaFlags, aclFile       string
	certFile, keyFile, caFile, password          string
	schedule                                     *schedule
}

// check reads the flags and refuses what Dragonfly refuses or what has no counterpart in Valkey.
func check(flags map[string]string) (settings, error) {
	s := settings{
		cacheMode: flags["cache_mode"] == "true", tls: flags["tls"] == "true",
		dir: flags["dir"], filename: flags["dbfilename"], bind: flags["bind"], luaFlags: flags["default_lua_flags"],
		aclFile: flags["aclfile"], certFile: flags["tls_cert_file"], keyFile: flags["tls_key_file"],
		caFile: flags["tls_ca_cert_file"], password: flags["requirepass"],
	}
	s.adminTLS = s.tls && flags["no_tls_on_admin_port"] != "true"
	for _, number := range []struct {
		name     string
		to       *int
		fallback int
	}{
		{"proactor_threads", &s.threads, 0}, {"port", &s.port, 6379}, {"admin_port", &s.adminPort, 0},
		{"dbnum", &s.databases, 16}, {"maxclients", &s.clients, 64000},
	} {
		value, given := flags[number.name]
		*number.to = number.fallback
		if given {
			parsed, err := strconv.Atoi(value)
			if err != nil || parsed < 1 || parsed > 65535 {
				return s, fmt.Errorf("--%s: want a number from 1 to 65535", number.name)
			}
			*number.to = parsed
		}
	}
	if err := s.readMemory(flags); err != nil {
		return s, err
	}
	return s, errors.Join(s.checkTLS(), s.checkAdmin(flags), s.checkSnapshots(flags))
}

func (s *settings) readMemory(flags map[string]string) error {
	if s.threads == 0 || flags["maxmemory"] == "" {
		return errors.New("--proactor_threads and --maxmemory must be given here; Dragonfly would take them from the machine")
	}
	parts := regexp.MustCompile(`(?i)^(\d+)(?:(k|m|g)b?|b)?$`).FindStringSubmatch(flags["maxmemory"])
	if parts == nil {
		return fmt.Errorf("--maxmemory %q: want a size like 320mb", flags["maxmemory"])
	}
	size, _ := strconv.ParseInt(parts[1], 10, 64)
	s.maxmemory = size << map[string]int{"": 0, "k": 10, "m": 20, "g": 30}[strings.ToLower(parts[2])]
	if need := int64(s.threads) * mebibytesPerThread << 20; s.maxmemory < need {
		return fmt.Errorf("there are %d threads, so %d MiB are required, --maxmemory is %d MiB. Exiting", s.threads, need>>20, s.maxmemory>>20)
	}
	return nil
}

func (s *settings) checkTLS() error {
	if !s.tls {
		return nil
	}
	if s.certFile == "" || s.keyFile == "" {
		return errors.New("to use TLS, a server certificate and key must be provided")
	}
	if s.password == "" && s.caFile == "" {
		return errors.New("TLS is on, but there is neither a requirepass (DFLY_requirepass) nor a CA certificate for clients")
	}
	return nil
}

func (s *settings) checkAdmin(flags map[string]string) error {
	if flags["primary_port_http_enabled"] == "true" {
		return errors.New("--primary_port_http_enabled=true has no counterpart here")
	}
	for _, value := range strings.Fields(s.luaFlags) {
		if value != "allow-undeclared-keys" && value != "disable-atomicity" {
			return fmt.Errorf("--default_lua_flags: unknown %q", value)
		}
	}
	return nil
}

func (s *settings) checkSnapshots(flags map[string]string) error {
	if s.dir == "" {
		s.dir = "."
	}
	if _, given := flags["dbfilename"]; !given {
		return errors.New("--dbfilename must be given here: Dragonfly's own default carries a time, and Valkey writes one file")
	}
	if strings.ContainsAny(s.filename, "{}/") {
		return errors.New("--dbfilename: want a plain name")
	}
	if text := flags["snapshot_cron"]; text != "" {
		if s.filename == "" {
			return errors.New("--snapshot_cron needs a --dbfilename")
		}
		parsed, err := parseSchedule(text)
		if err != nil {
			return fmt.Errorf("--snapshot_cron: %w", err)
		}
		s.schedule = parsed
	}
	info, err := os.Stat(s.dir)
	if err != nil || !info.IsDir() {
		return fmt.Errorf("--dir %s is no directory", s.dir)
	}
	return nil
}

func (s settings) socket() string { return filepath.Join(s.dir, ".stand-in.sock") }

// valkeyConfig renders the configuration, which travels on stdin because it may hold a password. users are lines
// that say who may do what.
func (s settings) valkeyConfig(users []string) string {
	policy := map[bool]string{true: "allkeys-lfu", false: "noeviction"}[s.cacheMode]
	lines := []string{
		"daemonize no", "protected-mode no", "appendonly no", `save ""`, "crash-log-enabled no",
		"dir " + strconv.Quote(s.dir), "unixsocket " + strconv.Quote(s.socket()), "unixsocketperm 600",
		fmt.Sprintf("databases %d", s.databases), fmt.Sprintf("maxclients %d", min(s.clients, 4000)),
		fmt.Sprintf("maxmemory %d", s.maxmemory), "maxmemory-policy " + policy,
	}
	if s.bind != "" {
		lines = append(lines, "bind "+s.bind)
	} else {
		lines = append(lines, "bind * -::*")
	}
	if s.filename != "" {
		lines = append(lines, "dbfilename "+strconv.Quote(s.filename+".rdb"), "shutdown-on-sigterm save", "shutdown-on-sigint save")
	}
	if s.tls {
		// Given a CA, Dragonfly demands a certificate of every client.
		auth := map[bool]string{true: "yes", false: "no"}[s.caFile != ""]
		lines = append(lines, "port 0", fmt.Sprintf("tls-port %d", s.port), "tls-auth-clients "+auth,
			"tls-cert-file "+strconv.Quote(s.certFile), "tls-key-file "+strconv.Quote(s.keyFile))
		if s.caFile != "" {
			lines = append(lines, "tls-ca-cert-file "+strconv.Quote(s.caFile))
		}
	} else {
		lines = append(lines, fmt.Sprintf("port %d", s.port))
	}
	if s.password != "" {
		lines = append(lines, "requirepass "+strconv.Quote(s.password))
	}
	return strings.Join(append(lines, users...), "\n") + "\n"
}
