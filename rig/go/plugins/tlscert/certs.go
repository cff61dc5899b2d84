package tlscert

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

// identity is what a certificate speaks for.
type identity struct {
	subject     pkix.Name
	dnsNames    []string
	ipAddresses []net.IP
	uris        []*url.URL
}

func makeRequest(inputs resource.PropertyMap, _ time.Time) (string, resource.PropertyMap, error) {
	key, algorithm, err := parseKey("privateKeyPem", pluginkit.Text(inputs, "privateKeyPem"))
	if err != nil {
		return "", nil, err
	}
	who, err := readIdentity(inputs)
	if err != nil {
		return "", nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: who.subject, DNSNames: who.dnsNames, IPAddresses: who.ipAddresses, URIs: who.uris,
	}, key)
	sum := sha1.Sum(der)
	return hex.EncodeToString(sum[:]), resource.PropertyMap{
		"certRequestPem": resource.NewStringProperty(encode("CERTIFICATE REQUEST", der)),
		"keyAlgorithm":   resource.NewStringProperty(algorithm),
	}, err
}

func makeSelfSigned(inputs resource.PropertyMap, now time.Time) (string, resource.PropertyMap, error) {
	key, algorithm, err := parseKey("privateKeyPem", pluginkit.Text(inputs, "privateKeyPem"))
	if err != nil {
		return "", nil, err
	}
	who, err := readIdentity(inputs)
	if err != nil {
		return "", nil, err
	}
	certificate, err := newTemplate(inputs, who, key.Public(), now)
	if err != nil {
		return "", nil, err
	}
	if pluginkit.Flag(inputs, "setAuthorityKeyId", false) {
		certificate.AuthorityKeyId = keyID(key.Public())
	}
	id, outputs, err := sign(inputs, certificate, certificate, key.Public(), key, now)
	if err != nil {
		return "", nil, err
	}
	outputs["keyAlgorithm"] = resource.NewStringProperty(algorithm)
	return id, outputs, nil
}

func makeLocallySigned(inputs resource.PropertyMap, now time.Time) (string, resource.PropertyMap, error) {
	request, err := readRequest(pluginkit.Text(inputs, "certRequestPem"))
	if err != nil {
		return "", nil, err
	}
	der, err := decode("caCertPem", "CERTIFICATE", pluginkit.Text(inputs, "caCertPem"))
	if err != nil {
		return "", nil, err
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		return "", nil, fmt.Errorf("caCertPem: %w", err)
	}
	key, algorithm, err := parseKey("caPrivateKeyPem", pluginkit.Text(inputs, "caPrivateKeyPem"))
	if err != nil {
		return "", nil, err
	}
	who := identity{request.Subject, request.DNSNames, request.IPAddresses, request.URIs}
	certificate, err := newTemplate(inputs, who, request.PublicKey, now)
	if err != nil {
		return "", nil, err
	}
	id, outputs, err := sign(inputs, certificate, ca, request.PublicKey, key, now)
	if err != nil {
		return "", nil, err
	}
	outputs["caKeyAlgorithm"] = resource.NewStringProperty(algorithm)
	return id, outputs, nil
}

func readRequest(text string) (*x509.CertificateRequest, error) {
	der, err := decode("certRequestPem", "CERTIFICATE REQUEST", text)
	if err != nil {
		return nil, err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("certRequestPem: %w", err)
	}
	return request, request.CheckSignature()
}

func newTemplate(inputs resource.PropertyMap, who identity, public crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	end := now.Add(time.Duration(pluginkit.Integer(inputs, "validityPeriodHours", 0)) * time.Hour)
	certificate := &x509.Certificate{
		SerialNumber: serial, Subject: who.subject, NotBefore: now, NotAfter: end,
		DNSNames: who.dnsNames, IPAddresses: who.ipAddresses, URIs: who.uris,
		BasicConstraintsValid: true, IsCA: pluginkit.Flag(inputs, "isCaCertificate", false),
	}
	if length := pluginkit.Integer(inputs, "maxPathLength", -1); certificate.IsCA && length >= 0 {
		certificate.MaxPathLen, certificate.MaxPathLenZero = length, length == 0
	}
	if pluginkit.Flag(inputs, "setSubjectKeyId", false) {
		certificate.SubjectKeyId = keyID(public)
	}
	return certificate, addUses(certificate, pluginkit.Texts(inputs, "allowedUses"))
}

func sign(inputs resource.PropertyMap, certificate, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer, now time.Time) (string, resource.PropertyMap, error) {
	der, err := x509.CreateCertificate(rand.Reader, certificate, parent, public, key)
	if err != nil {
		return "", nil, err
	}
	window := time.Duration(pluginkit.Integer(inputs, earlyRenewal, 0)) * time.Hour
	return certificate.SerialNumber.String(), resource.PropertyMap{
		"certPem":           resource.NewStringProperty(encode("CERTIFICATE", der)),
		"validityStartTime": resource.NewStringProperty(certificate.NotBefore.Format(time.RFC3339)),
		"validityEndTime":   resource.NewStringProperty(certificate.NotAfter.Format(time.RFC3339)),
		"readyForRenewal":   resource.NewBoolProperty(!now.Before(certificate.NotAfter.Add(-window))),
	}, nil
}

// keyID is RFC 5280 method 1: SHA-1 of the subject public key bits.
func keyID(public crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil
	}
	sum := sha1.Sum(info.Bits.Bytes)
	return sum[:]
}
