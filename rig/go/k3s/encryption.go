package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func encryptionFile(p paths) string { return p.cred + "/encryption-config.json" }

type encryptionKey struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

type encryptionConfig struct {
	Kind       string               `json:"kind"`
	APIVersion string               `json:"apiVersion"`
	Resources  []encryptionResource `json:"resources"`
}

type encryptionResource struct {
	Resources []string         `json:"resources"`
	Providers []map[string]any `json:"providers"`
}

// ensureEncryption writes the EncryptionConfiguration of a new cluster. On an
// existing datastore it refuses a change either way: Secrets would become
// unreadable or stay in clear.
func ensureEncryption(c *config, p paths) error {
	_, err := os.Stat(encryptionFile(p))
	exists := err == nil
	used, err := filepath.Glob(p.etcd + "/member/snap/db")
	if err != nil {
		return err
	}
	switch {
	case exists && !c.encryptSecrets:
		return errors.New("secrets-encryption: the datastore is encrypted and the setting is now off; turn it on again")
	case !exists && c.encryptSecrets && len(used) > 0:
		return errors.New("secrets-encryption: cannot be turned on for a datastore that was started without it")
	case exists:
		name, err := encryptionProvider(p)
		if err == nil && name != c.encryptionProvider {
			err = fmt.Errorf("secrets-encryption-provider: the datastore uses %s, the config says %s", name, c.encryptionProvider)
		}
		return err
	case !c.encryptSecrets:
		return nil
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	key := encryptionKey{c.encryptionProvider + "key", base64.StdEncoding.EncodeToString(secret)}
	body, err := json.Marshal(encryptionConfig{
		Kind: "EncryptionConfiguration", APIVersion: "apiserver.config.k8s.io/v1",
		Resources: []encryptionResource{{
			Resources: []string{"secrets"},
			Providers: []map[string]any{
				{c.encryptionProvider: map[string]any{"keys": []encryptionKey{key}}},
				{"identity": map[string]any{}},
			},
		}},
	})
	if err != nil {
		return err
	}
	return writeFile(encryptionFile(p), body, 0o600)
}

// encryptionProvider is the provider that writes Secrets, "" when none does.
func encryptionProvider(p paths) (string, error) {
	body, err := os.ReadFile(encryptionFile(p))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var parsed encryptionConfig
	if err := json.Unmarshal(body, &parsed); err != nil {
		return "", err
	}
	for _, resource := range parsed.Resources {
		for name := range resource.Providers[0] {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s names no provider", encryptionFile(p))
}
