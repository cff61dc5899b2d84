package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// typeDockerManifest and typeDockerList are the older names of typeManifest and typeIndex.
const (
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// document is what a manifest and an index have, as a registry stores them.
type document struct {
	MediaType string       `json:"mediaType"`
	Config    *descriptor  `json:"config"`
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

// adopt writes an archive of the image reference (host/path:tag@sha256:...), whose blobs lie in the
// directory blobs under the hex digits of their digests. Nothing is packed anew: the document with the
// pinned digest stays byte for byte, so that this digest names it after the import too. Of an index only
// linux/amd64 has to be there; k3s skips what is missing. It is listed for k3s alone (see byName).
func adopt(reference, blobs, path string) error {
	name, digest, found := strings.Cut(reference, "@")
	if !found {
		return fmt.Errorf("image %q: want host/path:tag@sha256:digest", reference)
	}
	if err := checkBlobs(blobs); err != nil {
		return err
	}
	top, err := complete(blobs, digest)
	if err != nil {
		return fmt.Errorf("image %s: %w", reference, err)
	}
	listed, err := byName(top, name, false)
	if err != nil {
		return err
	}
	return writeLayout(index{SchemaVersion: 2, MediaType: typeIndex, Manifests: listed}, blobs, path)
}

// checkBlobs compares every file in the directory with the digest that is its name.
func checkBlobs(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, file)
		file.Close()
		if err != nil {
			return err
		}
		if seen := digestOf(sum.Sum(nil)); seen != "sha256:"+entry.Name() {
			return fmt.Errorf("blob %s has the digest %s: not what was asked for", entry.Name(), seen)
		}
	}
	return nil
}

// complete returns the descriptor of the document with this digest, after finding all that it needs on linux/amd64.
func complete(blobs, digest string) (descriptor, error) {
	content, err := os.ReadFile(blob{digest: digest}.path(blobs))
	if err != nil {
		return descriptor{}, err
	}
	var d document
	if err := json.Unmarshal(content, &d); err != nil {
		return descriptor{}, fmt.Errorf("%s is no manifest: %w", digest, err)
	}
	self := descriptor{MediaType: d.MediaType, Digest: digest, Size: int64(len(content))}
	switch {
	case d.Config != nil && (d.MediaType == "" || d.MediaType == typeManifest || d.MediaType == typeDockerManifest):
		if self.MediaType == "" {
			self.MediaType = typeManifest
		}
		return self, present(blobs, append(d.Layers, *d.Config))
	case d.Manifests != nil && (d.MediaType == "" || d.MediaType == typeIndex || d.MediaType == typeDockerList):
		if self.MediaType == "" {
			self.MediaType = typeIndex
		}
		for _, child := range d.Manifests {
			if child.Platform != nil && child.Platform.OS == "linux" && child.Platform.Architecture == "amd64" {
				_, err := complete(blobs, child.Digest)
				return self, err
			}
		}
		return self, errors.New("the index has nothing for linux/amd64")
	default:
		return self, fmt.Errorf("%s is of the type %q, neither manifest nor index", digest, d.MediaType)
	}
}

// present looks for each blob, with its size.
func present(blobs string, wanted []descriptor) error {
	for _, one := range wanted {
		info, err := os.Stat(blob{digest: one.Digest}.path(blobs))
		if err != nil {
			return err
		}
		if info.Size() != one.Size {
			return fmt.Errorf("blob %s has %d bytes, its descriptor says %d", one.Digest, info.Size(), one.Size)
		}
	}
	return nil
}
