package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// registryBlobs is a directory as a pull leaves it: an index for two platforms with the content of amd64 only.
type registryBlobs struct {
	dir, index, manifest string
	content              manifest
}

func pulled(t *testing.T, architecture string) registryBlobs {
	t.Helper()
	dir := t.TempDir()
	child, err := addImage(spec("host.test/a:1", makeRoot(t, time.Unix(1, 0))), dir, map[string]layer{})
	must(t, err)
	content, err := os.ReadFile(blob{digest: child.Digest}.path(dir))
	must(t, err)
	top, err := addJSON(map[string]any{"manifests": []any{
		map[string]any{"digest": "sha256:" + strings.Repeat("0", 64), "size": 1, "platform": platform{"arm64", "linux"}},
		map[string]any{"mediaType": typeManifest, "digest": child.Digest, "size": child.Size, "platform": platform{architecture, "linux"}},
	}, "mediaType": typeDockerList, "schemaVersion": 2}, dir)
	must(t, err)
	return registryBlobs{dir, top.digest, child.Digest, decode[manifest](t, content)}
}

func TestThePinnedDocumentIsKeptAndListedByTag(t *testing.T) {
	from := pulled(t, "amd64")
	for digest, mediaType := range map[string]string{from.index: typeDockerList, from.manifest: typeManifest} {
		out := filepath.Join(t.TempDir(), "a.tar")
		must(t, adopt("host.test:5000/b:2@"+digest, from.dir, out))
		files := readArchive(t, out)
		listed := decode[index](t, files["index.json"]).Manifests
		if len(listed) != 1 {
			t.Fatalf("%d entries", len(listed))
		}
		one := listed[0]
		if one.Annotations[nameAnnotation] != "host.test:5000/b:2" || one.Digest != digest || one.MediaType != mediaType {
			t.Errorf("listed as %+v, want a %s with the digest %s", one, mediaType, digest)
		}
		blobOf(t, files, one.Digest, one.Size)
		blobOf(t, files, from.content.Layers[0].Digest, from.content.Layers[0].Size)
	}
}

func TestBlobsThatCannotBeTrustedOrUsedAreRefused(t *testing.T) {
	layerChange := func(to func(path string) error) func(registryBlobs) error {
		return func(from registryBlobs) error {
			return to(blob{digest: from.content.Layers[0].Digest}.path(from.dir))
		}
	}
	write := func(path string) error { return os.WriteFile(path, []byte("other content"), 0o644) }
	cases := map[string]struct {
		architecture string
		spoil        func(registryBlobs) error
		want         string
	}{
		"another content under the digest": {"amd64", layerChange(write), "not what was asked for"},
		"a layer is missing":               {"amd64", layerChange(os.Remove), "no such file"},
		"nothing for amd64":                {"arm64", func(registryBlobs) error { return nil }, "nothing for linux/amd64"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			from := pulled(t, c.architecture)
			must(t, c.spoil(from))
			err := adopt("host.test/b:2@"+from.index, from.dir, filepath.Join(t.TempDir(), "a.tar"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestOnlyManifestsAndIndexesAreAdopted(t *testing.T) {
	dir := t.TempDir()
	content := []byte(`{"mediaType":"application/vnd.other+json","config":{"digest":"sha256:00","size":1}}`)
	sum := sha256.Sum256(content)
	digest := digestOf(sum[:])
	must(t, os.WriteFile(blob{digest: digest}.path(dir), content, 0o644))
	err := adopt("host.test/b:2@"+digest, dir, filepath.Join(t.TempDir(), "a.tar"))
	if err == nil || !strings.Contains(err.Error(), "neither manifest nor index") {
		t.Errorf("got %v", err)
	}
	if err := adopt("host.test/b:2", dir, filepath.Join(t.TempDir(), "a.tar")); err == nil {
		t.Error("a reference without digest was taken")
	}
}
