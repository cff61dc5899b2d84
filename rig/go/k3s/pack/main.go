// Command pack makes one executable of a program and its payload: it appends a
// zip archive of the other files. Equal inputs give an equal result.
//
//	pack OUT PROGRAM FILE...
package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: pack OUT PROGRAM FILE...")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(out, program string, files []string) error {
	body, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	target, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := target.Write(body); err != nil {
		return err
	}
	archive := zip.NewWriter(target)
	archive.SetOffset(int64(len(body)))
	for _, file := range files {
		if err := add(archive, file); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return target.Close()
}

func add(archive *zip.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	entry, err := archive.Create(filepath.Base(path))
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, in)
	return err
}
