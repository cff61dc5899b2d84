package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// epoch stands in every entry instead of the file's own time.
var epoch = time.Unix(0, 0).UTC()

// layer is a packed root file system: the compressed blob and the digest of its uncompressed content.
type layer struct {
	blob   blob
	diffID string
}

// packLayer writes the files below root as a gzip-compressed tar into dir. Same files, modes and
// owners give the same bytes: sorted by path, times set to 0, owners as numbers, one format.
func packLayer(root, dir string) (layer, error) {
	out, err := os.CreateTemp(dir, ".layer-*")
	if err != nil {
		return layer{}, err
	}
	defer os.Remove(out.Name())
	defer out.Close()

	compressed := sha256.New()
	zip := gzip.NewWriter(io.MultiWriter(out, compressed))
	content := sha256.New()
	if err := writeTree(root, io.MultiWriter(zip, content)); err != nil {
		return layer{}, fmt.Errorf("layer %s: %w", root, err)
	}
	if err := zip.Close(); err != nil {
		return layer{}, err
	}
	size, err := out.Seek(0, io.SeekCurrent)
	if err != nil {
		return layer{}, err
	}
	b := blob{digest: digestOf(compressed.Sum(nil)), size: size}
	return layer{blob: b, diffID: digestOf(content.Sum(nil))}, os.Rename(out.Name(), b.path(dir))
}

func digestOf(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }

// writeTree walks root in lexical order. A file with several names is stored once, under the first.
func writeTree(root string, to io.Writer) error {
	archive := tar.NewWriter(to)
	first := map[uint64]string{} // inode -> name in the archive
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return writeEntry(archive, first, path, name)
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

func writeEntry(archive *tar.Writer, first map[uint64]string, path, name string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: no owner to read; run on Linux", name)
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err // a socket, for example
	}
	header.Name = name
	if info.IsDir() {
		header.Name += "/"
	}
	header.Format = tar.FormatPAX
	header.Uid, header.Gid = int(stat.Uid), int(stat.Gid)
	header.Uname, header.Gname = "", ""
	header.ModTime, header.AccessTime, header.ChangeTime = epoch, time.Time{}, time.Time{}
	if info.Mode().IsRegular() && stat.Nlink > 1 {
		if earlier, seen := first[stat.Ino]; seen {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, earlier, 0
		} else {
			first[stat.Ino] = name
		}
	}
	if err := archive.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}
