package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// memberName is `<node>-<8 hex>`, kept in the data directory.
func memberName(c *config, p paths) (string, error) {
	file := p.etcd + "/name"
	if body, err := os.ReadFile(file); err == nil {
		return strings.TrimSpace(string(body)), nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	name := c.nodeName + "-" + randomHex(4)
	return name, writeFile(file, []byte(name), 0o600)
}

func etcdClient(p paths) (*clientv3.Client, error) {
	cert, err := tls.LoadX509KeyPair(p.tls+"/etcd/client.crt", p.tls+"/etcd/client.key")
	if err != nil {
		return nil, err
	}
	_, ca, err := readCert(p.tls + "/etcd/server-ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return clientv3.New(clientv3.Config{
		Endpoints: []string{"https://127.0.0.1:2379"}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool},
	})
}

// saveSnapshot writes `<base>-<node>-<unix time>` and returns the name.
func saveSnapshot(ctx context.Context, p paths, base, node string) (string, error) {
	client, err := etcdClient(p)
	if err != nil {
		return "", err
	}
	defer client.Close()
	stream, err := client.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	name := fmt.Sprintf("%s-%s-%d", base, node, time.Now().Unix())
	path := filepath.Join(p.snapshots, name)
	file, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, stream)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		os.Remove(path + ".part")
		return "", err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return "", err
	}
	return name, syncDir(p.snapshots)
}

type snapshotFile struct {
	name, path string
	size       int64
	created    time.Time
}

func listSnapshots(p paths) ([]snapshotFile, error) {
	entries, err := os.ReadDir(p.snapshots)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var out []snapshotFile
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() && !strings.HasSuffix(entry.Name(), ".part") {
			out = append(out, snapshotFile{entry.Name(), filepath.Join(p.snapshots, entry.Name()), info.Size(), info.ModTime()})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].created.Before(out[j].created) })
	return out, nil
}

// scheduleSnapshots takes snapshots by the clock and keeps the newest ones.
func scheduleSnapshots(ctx context.Context, c *config, p paths) error {
	clock := cron.New()
	_, err := clock.AddFunc(c.snapshotSchedule, func() {
		name, err := saveSnapshot(ctx, p, "etcd-snapshot", c.nodeName)
		if err != nil {
			logf("error", "Snapshot failed: %v", err)
			return
		}
		logf("info", "Snapshot %s saved.", name)
		if err := pruneSnapshots(p, "etcd-snapshot-"+c.nodeName+"-", c.snapshotRetention); err != nil {
			logf("error", "Removing old snapshots: %v", err)
		}
	})
	if err != nil {
		return fmt.Errorf("etcd-snapshot-schedule-cron: %w", err)
	}
	clock.Start()
	context.AfterFunc(ctx, func() { clock.Stop() })
	return nil
}

func pruneSnapshots(p paths, prefix string, keep int) error {
	all, err := listSnapshots(p)
	if err != nil || keep == 0 {
		return err
	}
	var mine []snapshotFile
	for _, snapshot := range all {
		if strings.HasPrefix(snapshot.name, prefix) {
			mine = append(mine, snapshot)
		}
	}
	for _, old := range mine[:max(0, len(mine)-keep)] {
		if err := os.Remove(old.path); err != nil {
			return err
		}
	}
	return nil
}
