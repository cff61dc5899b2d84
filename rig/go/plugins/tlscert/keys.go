package tlscert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/ssh"

	"platform.rig/plugins/pluginkit"
)

var curves = map[string]elliptic.Curve{"P224": elliptic.P224(), "P256": elliptic.P256(), "P384": elliptic.P384(), "P521": elliptic.P521()}

func makePrivateKey(inputs resource.PropertyMap, _ time.Time) (string, resource.PropertyMap, error) {
	key, err := generate(inputs)
	if err != nil {
		return "", nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", nil, err
	}
	traditional, err := traditionalPEM(key, pkcs8)
	if err != nil {
		return "", nil, err
	}
	outputs := resource.PropertyMap{
		"privateKeyPem":              pluginkit.Secret(traditional),
		"privateKeyPemPkcs8":         pluginkit.Secret(encode("PRIVATE KEY", pkcs8)),
		"privateKeyOpenssh":          pluginkit.Secret(""),
		"publicKeyPem":               resource.NewStringProperty(encode("PUBLIC KEY", public)),
		"publicKeyOpenssh":           resource.NewStringProperty(""),
		"publicKeyFingerprintMd5":    resource.NewStringProperty(""),
		"publicKeyFingerprintSha256": resource.NewStringProperty(""),
	}
	if err := addOpenSSH(outputs, key); err != nil {
		return "", nil, err
	}
	sum := sha1.Sum(public)
	return hex.EncodeToString(sum[:]), outputs, nil
}

func generate(inputs resource.PropertyMap) (crypto.Signer, error) {
	switch algorithm := pluginkit.Text(inputs, "algorithm"); algorithm {
	case "RSA":
		return rsa.GenerateKey(rand.Reader, pluginkit.Integer(inputs, "rsaBits", 2048))
	case "ECDSA":
		return ecdsa.GenerateKey(curves[pluginkit.Text(inputs, "ecdsaCurve")], rand.Reader)
	case "ED25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	default:
		return nil, fmt.Errorf("algorithm: %q is not RSA, ECDSA or ED25519", algorithm)
	}
}

// traditionalPEM is the algorithm's own format where one exists, else PKCS#8.
func traditionalPEM(key crypto.Signer, pkcs8 []byte) (string, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), nil
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		return encode("EC PRIVATE KEY", der), err
	}
	return encode("PRIVATE KEY", pkcs8), nil
}

// addOpenSSH fills the OpenSSH outputs; P224 has no such format and leaves them empty.
func addOpenSSH(outputs resource.PropertyMap, key crypto.Signer) error {
	if ec, ok := key.(*ecdsa.PrivateKey); ok && ec.Curve == elliptic.P224() {
		return nil
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	private, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return err
	}
	outputs["privateKeyOpenssh"] = pluginkit.Secret(string(pem.EncodeToMemory(private)))
	outputs["publicKeyOpenssh"] = resource.NewStringProperty(string(ssh.MarshalAuthorizedKey(public)))
	outputs["publicKeyFingerprintMd5"] = resource.NewStringProperty(ssh.FingerprintLegacyMD5(public))
	outputs["publicKeyFingerprintSha256"] = resource.NewStringProperty(ssh.FingerprintSHA256(public))
	return nil
}

// parseKey reads PKCS#1, PKCS#8, SEC1 and OpenSSH private keys. The error never quotes the key.
func parseKey(name, text string) (crypto.Signer, string, error) {
	raw, err := ssh.ParseRawPrivateKey([]byte(text))
	if err != nil {
		return nil, "", fmt.Errorf("%s: not a readable PEM private key: %w", name, err)
	}
	switch key := raw.(type) {
	case *rsa.PrivateKey:
		return key, "RSA", nil
	case *ecdsa.PrivateKey:
		return key, "ECDSA", nil
	case *ed25519.PrivateKey:
		return *key, "ED25519", nil
	case ed25519.PrivateKey:
		return key, "ED25519", nil
	}
	return nil, "", fmt.Errorf("%s: key type %T is not supported", name, raw)
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func decode(name, kind, text string) ([]byte, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s: no PEM block %q", name, kind)
	}
	return block.Bytes, nil
}
