package main

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
)

// writeArchive writes an OCI layout that holds the images to path, and returns their digests by
// name. byDigest: see byName. The file appears under its name only when complete.
func writeArchive(images []imageSpec, path string, byDigest bool) (map[string]string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".oci-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	top := index{SchemaVersion: 2, MediaType: typeIndex}
	digests := map[string]string{}
	packed := map[string]layer{} // by root directory: images share layers
	for _, spec := range images {
		made, err := addImage(spec, dir, packed)
		if err != nil {
			return nil, err
		}
		listed, err := byName(made, spec.Name, byDigest)
		if err != nil {
			return nil, err
		}
		top.Manifests = append(top.Manifests, listed...)
		digests[spec.Name] = made.Digest
	}
	partial := filepath.Join(dir, "archive.tar")
	if err := writeLayout(top, dir, partial); err != nil {
		return nil, err
	}
	return digests, os.Rename(partial, path)
}

// writeLayout puts oci-layout, index.json and every blob of dir, in the order of their digests, into a tar.
func writeLayout(top index, dir, path string) error {
	blobs, err := os.ReadDir(dir) // sorted; read before the archive itself lies there
	if err != nil {
		return err
	}
	listing, err := json.Marshal(top)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := tar.NewWriter(file)
	for _, document := range []struct{ name, content string }{
		{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`},
		{"index.json", string(listing)},
	} {
		if err := out.WriteHeader(fileHeader(document.name, int64(len(document.content)))); err != nil {
			return err
		}
		if _, err := io.WriteString(out, document.content); err != nil {
			return err
		}
	}
	for _, entry := range blobs {
		if err := writeBlob(out, filepath.Join(dir, entry.Name()), "blobs/sha256/"+entry.Name()); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return file.Close()
}

func fileHeader(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: epoch, Format: tar.FormatUSTAR}
}

func writeBlob(out *tar.Writer, path, name string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := out.WriteHeader(fileHeader(name, info.Size())); err != nil {
		return err
	}
	_, err = io.Copy(out, file)
	return err
}
