package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// makeRoot lays out a small root file system whose file times differ at every call.
func makeRoot(t *testing.T, touched time.Time) string {
	t.Helper()
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "bin"), 0o755))
	must(t, os.Mkdir(filepath.Join(root, "tmp"), 0o700))
	must(t, os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky))
	must(t, os.WriteFile(filepath.Join(root, "bin", "tool"), []byte("content"), 0o755))
	must(t, os.Link(filepath.Join(root, "bin", "tool"), filepath.Join(root, "bin", "twin")))
	must(t, os.Symlink("tool", filepath.Join(root, "bin", "alias")))
	must(t, os.Chtimes(filepath.Join(root, "bin", "tool"), touched, touched))
	if os.Geteuid() == 0 {
		must(t, os.Chown(filepath.Join(root, "tmp"), 999, 998))
	}
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func spec(name string, roots ...string) imageSpec {
	return imageSpec{Name: name, Layers: roots, Config: json.RawMessage(`{"User":"999:999"}`)}
}

// readArchive returns the files of a tar by name.
func readArchive(t *testing.T, path string) map[string][]byte {
	t.Helper()
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	files := map[string][]byte{}
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return files
		}
		must(t, err)
		content, err := io.ReadAll(reader)
		must(t, err)
		files[header.Name] = content
	}
}

func decode[T any](t *testing.T, content []byte) T {
	t.Helper()
	var value T
	must(t, json.Unmarshal(content, &value))
	return value
}

func blobOf(t *testing.T, files map[string][]byte, digest string, size int64) []byte {
	t.Helper()
	content, found := files["blobs/sha256/"+strings.TrimPrefix(digest, "sha256:")]
	if !found {
		t.Fatalf("no blob %s", digest)
	}
	sum := sha256.Sum256(content)
	if digestOf(sum[:]) != digest || int64(len(content)) != size {
		t.Fatalf("blob %s: digest %s, %d bytes, descriptor says %d", digest, digestOf(sum[:]), len(content), size)
	}
	return content
}

func TestSameFilesGiveTheSameArchive(t *testing.T) {
	var archives [][]byte
	for _, touched := range []time.Time{time.Unix(1000, 0), time.Unix(2000, 5)} {
		out := filepath.Join(t.TempDir(), "a.tar")
		_, err := writeArchive([]imageSpec{spec("host.test/a:1", makeRoot(t, touched))}, out, true)
		must(t, err)
		content, err := os.ReadFile(out)
		must(t, err)
		archives = append(archives, content)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds of the same files differ")
	}
}

func TestContentChangesTheDigest(t *testing.T) {
	root := makeRoot(t, time.Unix(1, 0))
	out := filepath.Join(t.TempDir(), "a.tar")
	before, err := writeArchive([]imageSpec{spec("host.test/a:1", root)}, out, true)
	must(t, err)
	must(t, os.Chmod(filepath.Join(root, "bin", "tool"), 0o700))
	after, err := writeArchive([]imageSpec{spec("host.test/a:1", root)}, out, true)
	must(t, err)
	if before["host.test/a:1"] == after["host.test/a:1"] {
		t.Error("a changed mode left the digest as it was")
	}
}

func TestEveryManifestIsListedByTagAndByDigest(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.tar")
	shared := makeRoot(t, time.Unix(1, 0))
	digests, err := writeArchive([]imageSpec{spec("host.test:5000/a:1", shared), spec("host.test/b:2", shared, t.TempDir())}, out, true)
	must(t, err)
	var names []string
	for _, listed := range decode[index](t, readArchive(t, out)["index.json"]).Manifests {
		names = append(names, listed.Annotations[nameAnnotation]+" "+listed.Digest)
	}
	a, b := digests["host.test:5000/a:1"], digests["host.test/b:2"]
	want := []string{
		"host.test:5000/a:1 " + a, "host.test:5000/a@" + a + " " + a,
		"host.test/b:2 " + b, "host.test/b@" + b + " " + b,
	}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
}

func TestForK3sEveryNameHasATag(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.tar")
	_, err := writeArchive([]imageSpec{spec("host.test/a:1", makeRoot(t, time.Unix(1, 0)))}, out, false)
	must(t, err)
	listed := decode[index](t, readArchive(t, out)["index.json"]).Manifests
	if len(listed) != 1 || listed[0].Annotations[nameAnnotation] != "host.test/a:1" {
		t.Errorf("listed as %+v", listed)
	}
}

func TestLayersUnpackToWhatWasPacked(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.tar")
	_, err := writeArchive([]imageSpec{spec("host.test/a:1", makeRoot(t, time.Unix(1, 0)))}, out, true)
	must(t, err)
	files := readArchive(t, out)
	listed := decode[index](t, files["index.json"]).Manifests[0]
	m := decode[manifest](t, blobOf(t, files, listed.Digest, listed.Size))
	config := decode[imageConfig](t, blobOf(t, files, m.Config.Digest, m.Config.Size))
	if string(config.Config) != `{"User":"999:999"}` {
		t.Errorf("config is %s", config.Config)
	}
	zip, err := gzip.NewReader(bytes.NewReader(blobOf(t, files, m.Layers[0].Digest, m.Layers[0].Size)))
	must(t, err)
	content, err := io.ReadAll(zip)
	must(t, err)
	sum := sha256.Sum256(content)
	if config.RootFS.DiffIDs[0] != digestOf(sum[:]) {
		t.Errorf("diff id %s does not belong to the layer", config.RootFS.DiffIDs[0])
	}
	var entries []string
	for reader := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		entries = append(entries, string(header.Typeflag)+" "+header.Name+" "+header.Linkname)
		if !header.ModTime.Equal(epoch) {
			t.Errorf("%s has the time %s", header.Name, header.ModTime)
		}
		if header.Name == "tmp/" {
			checkTmp(t, header)
		}
	}
	want := "5 bin/ |2 bin/alias tool|0 bin/tool |1 bin/twin bin/tool|5 tmp/ "
	if got := strings.Join(entries, "|"); got != want {
		t.Errorf("layer holds %q, want %q", got, want)
	}
}

func checkTmp(t *testing.T, header *tar.Header) {
	t.Helper()
	if header.Mode != 0o1777 {
		t.Errorf("tmp has mode %o", header.Mode)
	}
	if os.Geteuid() == 0 && (header.Uid != 999 || header.Gid != 998) {
		t.Errorf("tmp belongs to %d:%d", header.Uid, header.Gid)
	}
}

func TestANameNeedsATag(t *testing.T) {
	for _, name := range []string{"host.test/a", "host.test:5000/a", "host.test/a:", "host.test/a:1@sha256:00"} {
		if _, err := repositoryOf(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestAMissingLibraryIsFound(t *testing.T) {
	const shell = "/bin/sh"
	needed := neededBy(shell)
	if len(needed) == 0 {
		t.Skipf("%s is static here", shell)
	}
	program, err := os.ReadFile(shell)
	must(t, err)
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "usr/lib"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "sh"), program, 0o755))
	missing, err := missingLibraries(root)
	must(t, err)
	if len(missing) != len(needed) {
		t.Errorf("found %v, the shell needs %v", missing, needed)
	}
	for _, library := range needed {
		must(t, os.WriteFile(filepath.Join(root, "usr/lib", library), nil, 0o644))
	}
	if missing, err = missingLibraries(root); err != nil || len(missing) > 0 {
		t.Errorf("still missing %v, %v", missing, err)
	}
}
