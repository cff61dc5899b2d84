package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func leafAt(t *testing.T, p *pki, ips ...net.IP) (string, func() time.Time) {
	t.Helper()
	l := leaf{path: filepath.Join(p.dir, "leaf"), ca: "server-ca", cn: "test", server: true, dns: []string{"name.test"}, ips: ips}
	if err := p.ensure(l); err != nil {
		t.Fatal(err)
	}
	return l.path, func() time.Time {
		cert, _, err := readCert(l.path + ".crt")
		if err != nil {
			t.Fatal(err)
		}
		if err := cert.CheckSignatureFrom(p.cas["server-ca"].cert); err != nil {
			t.Fatal(err)
		}
		return cert.NotAfter
	}
}

func days(until time.Time) int { return int(time.Until(until).Hours()/24 + 0.5) }

func TestAuthoritiesLiveTenYearsAndStay(t *testing.T) {
	dir := t.TempDir()
	first, err := openPKI(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openPKI(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, ca := range first.cas {
		if !ca.cert.Equal(second.cas[name].cert) {
			t.Errorf("%s changed on the second start", name)
		}
		if got := days(ca.cert.NotAfter); got != 3650 {
			t.Errorf("%s lives %d days", name, got)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "server-ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("server-ca.key: %v %v", info.Mode(), err)
	}
}

func TestLeavesRenewInTheirLast120Days(t *testing.T) {
	p, err := openPKI(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for lifetime, renewed := range map[int]bool{119: true, 121: false, 365: false} {
		p.lifetime = time.Duration(lifetime) * 24 * time.Hour
		path, expiry := leafAt(t, p)
		if got := days(expiry()); got != lifetime {
			t.Fatalf("the leaf lives %d days, want %d", got, lifetime)
		}
		p.lifetime = 365 * 24 * time.Hour
		leafAt(t, p)
		if got := days(expiry()) == 365 && lifetime != 365; got != renewed {
			t.Errorf("with %d days left: renewed %t, want %t", lifetime, got, renewed)
		}
		os.Remove(path + ".crt")
	}
}

func TestLeafIsMadeAgainForANewAddress(t *testing.T) {
	p, err := openPKI(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path, _ := leafAt(t, p, net.IPv4(192, 0, 2, 1))
	leafAt(t, p, net.IPv4(192, 0, 2, 1), net.IPv4(192, 0, 2, 2))
	cert, _, err := readCert(path + ".crt")
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.VerifyHostname("192.0.2.2"); err != nil {
		t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	for given, want := range map[string]string{"short": "short", "K10abc::server:secret": "secret", "K10abc::secret": "secret", "a::b": "a::b"} {
		if got := password(given); got != want {
			t.Errorf("password(%q) is %q, want %q", given, got, want)
		}
	}
	sealed, err := seal([]byte("keys"), "token")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := unseal(sealed, "token"); err != nil || string(body) != "keys" {
		t.Errorf("unseal: %q %v", body, err)
	}
	if _, err := unseal(sealed, "other"); err == nil {
		t.Error("another token opens the bootstrap data")
	}
}

func TestEncryptionCannotChangeLater(t *testing.T) {
	for _, before := range []bool{false, true} {
		p := newPaths(t.TempDir())
		c := &config{encryptSecrets: before, encryptionProvider: "secretbox"}
		if err := ensureEncryption(c, p); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(p.etcd+"/member/snap/db", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := ensureEncryption(c, p); err != nil {
			t.Errorf("same setting: %v", err)
		}
		if c.encryptSecrets = !before; ensureEncryption(c, p) == nil {
			t.Errorf("secrets-encryption may change from %t", before)
		}
	}
	p := newPaths(t.TempDir())
	if err := ensureEncryption(&config{encryptSecrets: true, encryptionProvider: "secretbox"}, p); err != nil {
		t.Fatal(err)
	}
	if ensureEncryption(&config{encryptSecrets: true, encryptionProvider: "aescbc"}, p) == nil {
		t.Error("the provider may change")
	}
}

func TestSnapshotsArePrunedByPrefix(t *testing.T) {
	p := newPaths(t.TempDir())
	for i, name := range []string{"etcd-snapshot-n-1", "etcd-snapshot-n-2", "etcd-snapshot-n-3", "on-demand-n-0"} {
		if err := writeFile(filepath.Join(p.snapshots, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(filepath.Join(p.snapshots, name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	if err := pruneSnapshots(p, "etcd-snapshot-n-", 2); err != nil {
		t.Fatal(err)
	}
	left, err := listSnapshots(p)
	if err != nil || len(left) != 3 || left[0].name != "etcd-snapshot-n-2" {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestLoopbackNameserversAreNotForPods(t *testing.T) {
	for body, want := range map[string]bool{
		"nameserver 127.0.0.53\n": false, "nameserver 192.0.2.1\nsearch a\n": true, "search a\n": false, "nameserver ::1\n": false,
	} {
		if got := usableServers(body); got != want {
			t.Errorf("%q: %t, want %t", body, got, want)
		}
	}
}
