package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	// The annotation by which containerd names what it imports.
	nameAnnotation = "io.containerd.image.name"
)

// blob is a file of the layout, named by its digest.
type blob struct {
	digest string
	size   int64
}

func (b blob) path(dir string) string {
	return filepath.Join(dir, strings.TrimPrefix(b.digest, "sha256:"))
}

// imageSpec describes one image. Name is the full reference with tag, Layers are root directories
// from the lowest up, Config is the OCI image config's "config" object, taken as it is.
type imageSpec struct {
	Name   string          `json:"name"`
	Layers []string        `json:"layers"`
	Config json.RawMessage `json:"config"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type imageConfig struct {
	Created      string          `json:"created"`
	Architecture string          `json:"architecture"`
	OS           string          `json:"os"`
	Config       json.RawMessage `json:"config"`
	RootFS       rootFS          `json:"rootfs"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// addImage packs one image's blobs into dir and returns the manifest's descriptor.
func addImage(spec imageSpec, dir string, packed map[string]layer) (descriptor, error) {
	config := imageConfig{
		Created: "1970-01-01T00:00:00Z", Architecture: "amd64", OS: "linux",
		Config: spec.Config, RootFS: rootFS{Type: "layers"},
	}
	m := manifest{SchemaVersion: 2, MediaType: typeManifest}
	for _, root := range spec.Layers {
		if _, done := packed[root]; !done {
			one, err := packLayer(root, dir)
			if err != nil {
				return descriptor{}, err
			}
			packed[root] = one
		}
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, packed[root].diffID)
		m.Layers = append(m.Layers, descriptor{MediaType: typeLayer, Digest: packed[root].blob.digest, Size: packed[root].blob.size})
	}
	configBlob, err := addJSON(config, dir)
	if err != nil {
		return descriptor{}, err
	}
	m.Config = descriptor{MediaType: typeConfig, Digest: configBlob.digest, Size: configBlob.size}
	manifestBlob, err := addJSON(m, dir)
	if err != nil {
		return descriptor{}, err
	}
	return descriptor{
		MediaType: typeManifest, Digest: manifestBlob.digest, Size: manifestBlob.size,
		Platform: &platform{Architecture: "amd64", OS: "linux"},
	}, nil
}

// byName lists the descriptor under name, and when byDigest also under name@digest. containerd resolves
// name:tag@digest only where an image of that second name exists. k3s makes it when it imports, and fails
// on an archive that has it: every name must have a tag. The stand-in imports as plain containerd does.
func byName(top descriptor, name string, byDigest bool) ([]descriptor, error) {
	repository, err := repositoryOf(name)
	if err != nil {
		return nil, err
	}
	names := []string{name}
	if byDigest {
		names = append(names, repository+"@"+top.Digest)
	}
	var listed []descriptor
	for _, name := range names {
		top.Annotations = map[string]string{nameAnnotation: name}
		listed = append(listed, top)
	}
	return listed, nil
}

// repositoryOf cuts the tag off a reference. A colon before the last slash belongs to a port.
func repositoryOf(name string) (string, error) {
	colon := strings.LastIndex(name, ":")
	if colon <= strings.LastIndex(name, "/") || colon == len(name)-1 || strings.Contains(name, "@") {
		return "", fmt.Errorf("image name %q: want host/path:tag", name)
	}
	return name[:colon], nil
}

// addJSON stores a document as a blob. Go's encoder keeps the order of fields, so bytes are stable.
func addJSON(document any, dir string) (blob, error) {
	content, err := json.Marshal(document)
	if err != nil {
		return blob{}, err
	}
	sum := sha256.Sum256(content)
	b := blob{digest: digestOf(sum[:]), size: int64(len(content))}
	return b, os.WriteFile(b.path(dir), content, 0o644)
}
