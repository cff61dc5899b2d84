package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/ssh"
)

// localPath returns the file or directory behind a FileAsset or FileArchive; other sources are refused.
func localPath(source resource.PropertyValue) (string, error) {
	switch {
	case source.IsAsset() && source.AssetValue().IsPath():
		return source.AssetValue().Path, nil
	case source.IsArchive() && source.ArchiveValue().IsPath():
		return source.ArchiveValue().Path, nil
	}
	return "", errors.New("source: only path-based assets can be copied: use FileAsset or FileArchive")
}

// upload copies as the official plugin does: a directory without a trailing slash lands below target
// under its own name, with one its content does; a file lands in an existing directory or takes target's name.
func upload(ctx context.Context, connection *ssh.Client, source, target string) error {
	client, err := sftp.NewClient(connection, sftp.UseConcurrentWrites(true))
	if err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	defer client.Close()
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	existing, err := remoteStat(client, target)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if existing != nil && existing.IsDir() {
			target = path.Join(target, filepath.Base(source))
		}
		return uploadFile(ctx, client, source, target)
	}
	if err := ensureDirectory(client, target); err != nil {
		return err
	}
	if !strings.HasSuffix(source, "/") {
		target = path.Join(target, filepath.Base(source))
	}
	return uploadDirectory(ctx, client, source, target)
}

func uploadDirectory(ctx context.Context, client *sftp.Client, source, target string) error {
	return filepath.WalkDir(source, func(local string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, local)
		if err != nil {
			return err
		}
		remote := path.Join(target, filepath.ToSlash(relative))
		if entry.IsDir() {
			return ensureDirectory(client, remote)
		}
		return uploadFile(ctx, client, local, remote)
	})
}

// uploadFile writes beside the target and renames, so that a cut connection leaves no half file under the final name.
func uploadFile(ctx context.Context, client *sftp.Client, source, target string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	local, err := os.Open(source)
	if err != nil {
		return err
	}
	defer local.Close()
	partial := target + ".partial"
	remote, err := client.Create(partial)
	if err != nil {
		return fmt.Errorf("failed to create remote file %s: %w", partial, err)
	}
	if _, err := remote.ReadFrom(local); err != nil {
		remote.Close()
		return fmt.Errorf("failed to copy file %s to remote path %s: %w", source, target, err)
	}
	if err := remote.Close(); err != nil {
		return err
	}
	return client.PosixRename(partial, target)
}

// ensureDirectory makes the last element only; a missing parent is an error, as with the official plugin.
func ensureDirectory(client *sftp.Client, directory string) error {
	info, err := remoteStat(client, directory)
	if err != nil {
		return err
	}
	if info == nil {
		if err := client.Mkdir(directory); err != nil {
			return fmt.Errorf("failed to create remote directory %s: %w", directory, err)
		}
		return nil
	}
	if !info.IsDir() {
		return fmt.Errorf("remote path %s exists but is not a directory", directory)
	}
	return nil
}

// remoteStat returns nil for a path that does not exist.
func remoteStat(client *sftp.Client, remote string) (fs.FileInfo, error) {
	info, err := client.Stat(remote)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed to stat remote path %s: %w", remote, err)
	}
	return info, nil
}
