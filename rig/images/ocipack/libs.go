package main

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// missingLibraries lists, as "program: library", what programs and libraries below root ask for and
// the loader's default directories there do not hold. A package left out by mistake shows up here
// instead of in a container.
func missingLibraries(root string) ([]string, error) {
	present := map[string]bool{}
	for _, dir := range []string{"usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		for _, entry := range entries {
			present[entry.Name()] = true
		}
	}
	var missing []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		for _, library := range neededBy(path) {
			if !present[library] {
				missing = append(missing, fmt.Sprintf("%s: %s", path[len(root):], library))
			}
		}
		return nil
	})
	sort.Strings(missing)
	return missing, err
}

// neededBy returns the libraries an ELF file names; none for any other file.
func neededBy(path string) []string {
	file, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return nil
	}
	return libraries
}
