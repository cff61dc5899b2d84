package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// password takes the secret part out of `K10<hash>::server:<password>`, or
// returns a short token unchanged.
func password(token string) string {
	_, credentials, secure := strings.Cut(token, "::")
	if !secure || !strings.HasPrefix(token, "K10") {
		return token
	}
	if _, secret, found := strings.Cut(credentials, ":"); found {
		return secret
	}
	return credentials
}

// resolveToken is the configured token, else the one on disk, else a new one.
func resolveToken(c *config, p paths) (string, error) {
	if c.token != "" {
		return password(c.token), nil
	}
	body, err := os.ReadFile(p.server + "/token")
	if err == nil {
		return password(strings.TrimSpace(string(body))), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return randomHex(16), nil
}

// writeTokens writes the token files in the secure form, which pins the CA.
func writeTokens(c *config, p paths, secret string, ca *authority) error {
	secure := "K10" + ca.bundleHash() + "::server:" + secret + "\n"
	if err := writeFile(p.server+"/token", []byte(secure), 0o600); err != nil {
		return err
	}
	if err := link(p.server+"/token", p.server+"/node-token"); err != nil {
		return err
	}
	if c.agentToken == "" {
		return link(p.server+"/token", p.server+"/agent-token")
	}
	os.Remove(p.server + "/agent-token")
	agent := "K10" + ca.bundleHash() + "::node:" + password(c.agentToken) + "\n"
	return writeFile(p.server+"/agent-token", []byte(agent), 0o600)
}

func link(target, name string) error {
	os.Remove(name)
	return os.Symlink(target, name)
}

func randomHex(bytes int) string {
	value := make([]byte, bytes)
	rand.Read(value)
	return hex.EncodeToString(value)
}

// checkBootstrap proves that the datastore belongs to this token. As in k3s,
// the cluster's keys are kept there, encrypted with the server token, below a
// name derived from it; a datastore with another token's name is refused.
func checkBootstrap(ctx context.Context, etcd *clientv3.Client, p paths, secret string) error {
	digest := sha256.Sum256([]byte(secret))
	key := "/bootstrap/" + hex.EncodeToString(digest[:])[:12]
	found, err := etcd.Get(ctx, "/bootstrap/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	for _, pair := range found.Kvs {
		if string(pair.Key) != key {
			return errors.New("bootstrap data already found and encrypted with different token")
		}
		_, err := unseal(pair.Value, secret)
		return err
	}
	bundle, err := bootstrapBundle(p)
	if err != nil {
		return err
	}
	sealed, err := seal(bundle, secret)
	if err != nil {
		return err
	}
	_, err = etcd.Put(ctx, key, string(sealed))
	return err
}

// bootstrapBundle holds what a rebuilt server would need beside a snapshot.
func bootstrapBundle(p paths) ([]byte, error) {
	files := map[string]string{}
	names := []string{p.tls + "/service.key"}
	for _, name := range authorityNames {
		names = append(names, p.tls+"/"+name+".crt", p.tls+"/"+name+".key")
	}
	if _, err := os.Stat(encryptionFile(p)); err == nil {
		names = append(names, encryptionFile(p))
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		relative, err := filepath.Rel(p.server, name)
		if err != nil {
			return nil, err
		}
		files[relative] = string(body)
	}
	return json.Marshal(files)
}

const saltBytes = 16

func sealer(secret string, salt []byte) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha256.New, secret, salt, 4096, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func seal(body []byte, secret string) ([]byte, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	gcm, err := sealer(secret, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	return gcm.Seal(append(salt, nonce...), nonce, body, nil), nil
}

func unseal(sealed []byte, secret string) ([]byte, error) {
	if len(sealed) < saltBytes+12 {
		return nil, errors.New("bootstrap data is damaged")
	}
	gcm, err := sealer(secret, sealed[:saltBytes])
	if err != nil {
		return nil, err
	}
	nonce := sealed[saltBytes : saltBytes+gcm.NonceSize()]
	body, err := gcm.Open(nil, nonce, sealed[saltBytes+gcm.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("bootstrap data cannot be decrypted with this token: %w", err)
	}
	return body, nil
}
