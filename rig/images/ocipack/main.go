// Command ocipack makes image archives that containerd imports, from plain directories or from a registry's blobs.
//
//	ocipack pack OUT.tar NAMES < images.json  writes an OCI layout; prints {"name:tag": "sha256:..."}
//	ocipack adopt OUT.tar BLOBS REFERENCE     writes an OCI layout of the image as a registry gave it
//	ocipack libs ROOT                         fails when a program below ROOT misses a shared library
//
// NAMES is `tag`, for k3s, or `both`, by tag and by digest. images.json is a list of imageSpec.
// Run it as root, so that files have the owners they shall have.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ocipack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "pack" && (args[2] == "tag" || args[2] == "both"):
		return pack(args[1], args[2] == "both")
	case len(args) == 4 && args[0] == "adopt":
		return adopt(args[3], args[2], args[1])
	case len(args) == 2 && args[0] == "libs":
		missing, err := missingLibraries(args[1])
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("shared libraries missing; add their packages:\n%s", strings.Join(missing, "\n"))
		}
		return err
	default:
		return errors.New("usage: ocipack pack OUT.tar tag|both < images.json | ocipack adopt OUT.tar BLOBS REFERENCE | ocipack libs ROOT")
	}
}

func pack(path string, byDigest bool) error {
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	var images []imageSpec
	if err := decoder.Decode(&images); err != nil {
		return fmt.Errorf("images on stdin: %w", err)
	}
	digests, err := writeArchive(images, path, byDigest)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(digests)
}
