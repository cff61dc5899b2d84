package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// payloadHash names the folder that the payload is unpacked to. The build
// script sets it; without one the executable carries no payload.
var payloadHash = ""

// unpack makes sure that {data}/data/<hash>/bin is complete and returns it.
// {data}/data/current leads to it. Safe against power cuts and concurrent
// starts: the folder appears under its name only when everything is on disk.
func unpack(dataDir string) (string, error) {
	if payloadHash == "" {
		return "", errors.New("this executable carries no payload; build it with rig/k3s/build.sh")
	}
	root := filepath.Join(dataDir, "data")
	target := filepath.Join(root, payloadHash)
	if _, err := os.Stat(target); err == nil {
		return filepath.Join(target, "bin"), nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(root, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(target); err == nil {
		return filepath.Join(target, "bin"), nil
	}
	partial := target + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", err
	}
	if err := extract(filepath.Join(partial, "bin")); err != nil {
		return "", fmt.Errorf("unpacking into %s: %w", partial, err)
	}
	if err := os.Rename(partial, target); err != nil {
		return "", err
	}
	link := filepath.Join(root, "current")
	os.Remove(link)
	if err := os.Symlink(payloadHash, link); err != nil {
		return "", err
	}
	return filepath.Join(target, "bin"), syncDir(root)
}

// extract writes the zip archive at the end of this executable into dir.
func extract(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	archive, err := zip.OpenReader(self)
	if err != nil {
		return err
	}
	defer archive.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, entry := range archive.File {
		if err := extractFile(entry, filepath.Join(dir, filepath.Base(entry.Name))); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func extractFile(entry *zip.File, path string) error {
	in, err := entry.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

func syncDir(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(handle.Sync(), handle.Close())
}

// writeFile replaces a file so that a power cut leaves the old or the new one.
func writeFile(path string, body []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = temp.Write(body)
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		os.Remove(temp.Name())
		return err
	}
	return syncDir(filepath.Dir(path))
}
