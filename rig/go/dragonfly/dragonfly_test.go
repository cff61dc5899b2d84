package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// full are the flags as the platform gives them.
func full(dir string) []string {
	return []string{"--logtostderr", "--proactor_threads=1", "--maxmemory=320mb", "--cache_mode=true", "--dir=" + dir, "--dbfilename=dump",
		"--snapshot_cron=*/30 * * * *", "--force_epoll", "--version_check=false", "--primary_port_http_enabled=false",
		"--admin_port", "9999", "--admin_nopass", "--no_tls_on_admin_port", "--tls", "--tls_cert_file=/tls/tls.crt", "--tls_key_file=/tls/tls.key"}
}

func read(t *testing.T, args, environment []string) (settings, error) {
	t.Helper()
	flags, err := readFlags(args, environment)
	if err != nil {
		return settings{}, err
	}
	return check(flags)
}

func TestTranslation(t *testing.T) {
	s, err := read(t, full("/tmp"), []string{"PATH=/bin", "DFLY_requirepass=secret"})
	if err != nil {
		t.Fatal(err)
	}
	got := s.valkeyConfig([]string{"user me on"})
	for _, line := range []string{"port 0", "tls-port 6379", "tls-auth-clients no", `tls-cert-file "/tls/tls.crt"`, "maxmemory 335544320",
		"maxmemory-policy allkeys-lfu", `requirepass "secret"`, `dir "/tmp"`, `dbfilename "dump.rdb"`, `save ""`, "shutdown-on-sigterm save", "user me on"} {
		if !strings.Contains("\n"+got, "\n"+line+"\n") {
			t.Errorf("no line %q in:\n%s", line, got)
		}
	}
	if s.adminPort != 9999 || s.adminTLS {
		t.Errorf("admin port %d, TLS %t", s.adminPort, s.adminTLS)
	}
}

func TestVariants(t *testing.T) {
	s, err := read(t, append(full("/tmp"), "--nocache_mode", "--tls_ca_cert_file=/tls/ca.crt", "--dbfilename=", "--snapshot_cron="), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := s.valkeyConfig(nil)
	for text, wanted := range map[string]bool{"noeviction": true, "tls-auth-clients yes": true, "shutdown-on": false, "requirepass": false} {
		if strings.Contains(got, text) != wanted {
			t.Errorf("%q in the configuration: want %t:\n%s", text, wanted, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, one := range []struct {
		name, says  string
		args        []string
		environment []string
	}{
		{"unknown flag", "unknown flag --cluster_mode", []string{"--cluster_mode=emulated"}, nil},
		{"unknown switch", "unknown flag --nosuch", []string{"--nosuch"}, nil},
		{"no flag", "argument 1", []string{"start"}, nil},
		{"no value", "--maxmemory has no value", []string{"--maxmemory"}, nil},
		{"switch with another value", "want true or false", []string{"--tls=maybe"}, nil},
		{"unknown variable", "DFLY_SERVICE_HOST", full("/tmp"), []string{"DFLY_SERVICE_HOST=10.0.0.1"}},
		{"too little memory", "512 MiB are required", append(full("/tmp"), "--proactor_threads=2"), []string{"DFLY_PASSWORD=x"}},
		{"TLS without a password", "neither a requirepass", full("/tmp"), nil},
		{"TLS without a key", "certificate and key", append(full("/tmp"), "--tls_key_file="), []string{"DFLY_PASSWORD=x"}},
		{"a schedule that is none", "--snapshot_cron", append(full("/tmp"), "--snapshot_cron=61 * * * *"), []string{"DFLY_PASSWORD=x"}},
		{"no directory", "is no directory", full("/nonexistent"), []string{"DFLY_PASSWORD=x"}},
		{"HTTP on the primary port", "primary_port_http", append(full("/tmp"), "--primary_port_http_enabled"), []string{"DFLY_PASSWORD=x"}},
		{"unknown Lua flag", "default_lua_flags", append(full("/tmp"), "--default_lua_flags=other"), []string{"DFLY_PASSWORD=x"}},
	} {
		_, err := read(t, one.args, one.environment)
		if err == nil || !strings.Contains(err.Error(), one.says) {
			t.Errorf("%s: want an error with %q, got %v", one.name, one.says, err)
		}
	}
	_, err := read(t, []string{"--requirepass"}, []string{"DFLY_bogus=hunter2"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a refused variable shows its value: %v", err)
	}
}

func TestUsers(t *testing.T) {
	got, err := translateUsers("# users\nUSER default OFF -@all +AUTH\nUSER App ON #AbC +@ALL -@dangerous +acl|WHOAMI ~App:* &Chan\n\n")
	if want := "user default off -@all +auth\nuser App on #AbC +@all -@dangerous +acl|whoami ~App:* &Chan\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, wrong := range []string{
		"user app on ~a +config|get", "user app on (+get ~a)", "app on", "user " + ownUser + " on -@all",
		"user default off", "user default off -@all", "user app on ~a +get",
	} {
		if _, err := translateUsers(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestUsersFollowTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.acl")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("user default off +auth\nuser app on ~longer:*")
	u, err := settings{aclFile: path}.users("p")
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	write("user default off +auth\nuser app on ~a")
	if err := u.refresh(); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 4096)
	n, _ := u.files[0].ReadAt(content, 0)
	if got, want := string(content[:n]), "user default off +auth\nuser app on ~a\n"+ownLine("p")+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSchedule(t *testing.T) {
	half, err := parseSchedule("*/30 2-4,6 * * 7")
	if err != nil {
		t.Fatal(err)
	}
	sunday := time.Date(2026, 11, 22, 3, 30, 0, 0, time.UTC)
	for at, want := range map[time.Time]bool{
		sunday: true, sunday.Add(time.Minute): false, sunday.Add(2 * time.Hour): false, sunday.Add(3 * time.Hour): true, sunday.Add(24 * time.Hour): false,
	} {
		if half.matches(at) != want {
			t.Errorf("%s: want %t", at, want)
		}
	}
	for _, wrong := range []string{"* * * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "* 24 * * *"} {
		if _, err := parseSchedule(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestMetrics(t *testing.T) {
	got := renderMetrics("# Server\r\nvalkey_version:9.1.2\r\nrole:master\r\nused_memory:17\r\nevicted_keys:3\r\ndb0:keys=5,expires=2,avg_ttl=0\r\n")
	for _, line := range []string{"dragonfly_master 1", "dragonfly_memory_used_bytes 17", `dragonfly_evicted_keys_total{db="db0"} 3`,
		`dragonfly_db_keys{db="db0"} 5`, `dragonfly_db_keys_expiring{db="db0"} 2`} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %q in:\n%s", line, got)
		}
	}
	if strings.Contains(got, "blocked_clients") {
		t.Error("a field that INFO lacks is reported")
	}
}
