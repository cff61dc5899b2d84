package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	caLifetime  = 3650 * 24 * time.Hour
	renewBefore = 120 * 24 * time.Hour
)

// authority is a CA that signs leaves.
type authority struct {
	cert *x509.Certificate
	pem  []byte
	key  crypto.Signer
}

// leaf describes a certificate to be made below `dir`, without extension.
type leaf struct {
	path, ca, cn, org string
	server            bool
	dns               []string
	ips               []net.IP
}

// pki is {data}/server/tls.
type pki struct {
	dir      string
	cas      map[string]*authority
	lifetime time.Duration
}

var authorityNames = []string{"server-ca", "client-ca", "request-header-ca", "etcd/server-ca", "etcd/peer-ca"}

// openPKI loads or makes the authorities (10 years, never renewed) and the
// service account key.
func openPKI(dir string) (*pki, error) {
	p := &pki{dir: dir, cas: map[string]*authority{}, lifetime: leafLifetime()}
	for _, name := range authorityNames {
		ca, err := loadAuthority(filepath.Join(dir, name), authorityPrefix(name))
		if err != nil {
			return nil, err
		}
		p.cas[name] = ca
	}
	path := filepath.Join(dir, "service.key")
	if _, err := os.Stat(path); err == nil {
		return p, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return p, writeKey(path, key)
}

// leafLifetime is 365 days unless k3s' own variable says otherwise.
func leafLifetime() time.Duration {
	if days, err := strconv.Atoi(os.Getenv("CATTLE_NEW_SIGNED_CERT_EXPIRATION_DAYS")); err == nil && days > 0 {
		return time.Duration(days) * 24 * time.Hour
	}
	return 365 * 24 * time.Hour
}

func loadAuthority(base, cn string) (*authority, error) {
	if _, err := os.Stat(base + ".key"); errors.Is(err, os.ErrNotExist) {
		if err := makeAuthority(base, cn); err != nil {
			return nil, err
		}
	}
	cert, body, err := readCert(base + ".crt")
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(base + ".key")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s.key: no PEM block", base)
	}
	key, err := parseKey(block)
	if err != nil {
		return nil, fmt.Errorf("%s.key: %w", base, err)
	}
	return &authority{cert, body, key}, nil
}

// authorityPrefix is how k3s names an authority: k3s-server-ca, etcd-server-ca.
func authorityPrefix(name string) string {
	if strings.HasPrefix(name, "etcd/") {
		return strings.ReplaceAll(name, "/", "-")
	}
	return "k3s-" + name
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(crypto.Signer), nil
}

func makeAuthority(base, cn string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: fmt.Sprintf("%s@%d", cn, now.Unix())},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(caLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		IsCA:     true, BasicConstraintsValid: true, SerialNumber: serial(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	// The certificate first: the key's presence means that both are there.
	if err := writeFile(base+".crt", encodeCert(der), 0o644); err != nil {
		return err
	}
	return writeKey(base+".key", key)
}

// ensure makes a leaf, or renews it when less than 120 days remain, its CA
// changed, or a name or address is missing.
func (p *pki) ensure(l leaf) error {
	ca := p.cas[l.ca]
	if cert, _, err := readCert(l.path + ".crt"); err == nil && fresh(cert, ca, l) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if l.server {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	subject := pkix.Name{CommonName: l.cn}
	if l.org != "" {
		subject.Organization = []string{l.org}
	}
	template := &x509.Certificate{
		Subject: subject, SerialNumber: serial(), ExtKeyUsage: usages,
		NotBefore: ca.cert.NotBefore, NotAfter: time.Now().Add(p.lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		DNSNames: l.dns, IPAddresses: l.ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return err
	}
	logf("info", "certificate CN=%s signed by CN=%s: notAfter=%s", l.cn, ca.cert.Subject.CommonName, template.NotAfter.UTC().Format(time.RFC3339))
	// A leaf and its key match only together: without the certificate both
	// are made again, so it goes first and comes last.
	os.Remove(l.path + ".crt")
	if err := writeKey(l.path+".key", key); err != nil {
		return err
	}
	return writeFile(l.path+".crt", append(encodeCert(der), ca.pem...), 0o644)
}

func fresh(cert *x509.Certificate, ca *authority, l leaf) bool {
	if time.Until(cert.NotAfter) < renewBefore || cert.CheckSignatureFrom(ca.cert) != nil || cert.Subject.CommonName != l.cn {
		return false
	}
	for _, name := range l.dns {
		if cert.VerifyHostname(name) != nil {
			return false
		}
	}
	for _, ip := range l.ips {
		if cert.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}
