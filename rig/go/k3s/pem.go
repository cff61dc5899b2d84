package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
)

// bundleHash is the CA digest of the secure token form.
func (a *authority) bundleHash() string {
	return fmt.Sprintf("%x", sha256.Sum256(a.pem))
}

func readCert(path string) (*x509.Certificate, []byte, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(body)
	if block == nil {
		return nil, nil, fmt.Errorf("%s: no PEM block", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return cert, body, err
}

func writeKey(path string, key crypto.Signer) error {
	block := &pem.Block{Type: "EC PRIVATE KEY"}
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		block.Bytes, err = x509.MarshalECPrivateKey(key)
	case *rsa.PrivateKey:
		block.Type, block.Bytes = "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)
	default:
		err = fmt.Errorf("unsupported key %T", key)
	}
	if err != nil {
		return err
	}
	return writeFile(path, pem.EncodeToMemory(block), 0o600)
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func serial() *big.Int {
	value, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		panic(err) // the system's random source is gone
	}
	return value
}
