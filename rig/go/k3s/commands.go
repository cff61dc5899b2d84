package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// etcdSnapshot implements `etcd-snapshot save [--name]` and `ls`.
func etcdSnapshot(argv []string) error {
	p := newPaths(dataDirectory())
	if len(argv) == 1 && slices.Contains([]string{"ls", "list", "l"}, argv[0]) {
		return printSnapshots(p)
	}
	if len(argv) == 0 || argv[0] != "save" {
		return fmt.Errorf("etcd-snapshot %s: %w", strings.Join(argv, " "), errStandIn)
	}
	base := "on-demand"
	for i := 1; i < len(argv); i++ {
		name, value, given := strings.Cut(argv[i], "=")
		if name != "--name" {
			return fmt.Errorf("etcd-snapshot save %s: %w", argv[i], errStandIn)
		}
		if !given {
			if i++; i >= len(argv) {
				return fmt.Errorf("flag needs an argument: --name")
			}
			value = argv[i]
		}
		base = value
	}
	merged, err := readFiles(configFile())
	if err != nil {
		return err
	}
	r := reader{settings: merged}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	name, err := saveSnapshot(ctx, p, base, r.text("node-name", hostName()))
	if err != nil {
		return fmt.Errorf("saving a snapshot (does k3s run?): %w", err)
	}
	logf("info", "Snapshot %s saved.", name)
	return nil
}

func printSnapshots(p paths) error {
	all, err := listSnapshots(p)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "Name\tLocation\tSize\tCreated")
	for _, s := range all {
		fmt.Fprintf(out, "%s\tfile://%s\t%d\t%s\n", s.name, s.path, s.size, s.created.UTC().Format(time.RFC3339))
	}
	return out.Flush()
}

// secretsEncrypt implements `secrets-encrypt status` in text.
func secretsEncrypt(argv []string) error {
	if len(argv) != 1 || argv[0] != "status" {
		return fmt.Errorf("secrets-encrypt %s: %w", strings.Join(argv, " "), errStandIn)
	}
	p := newPaths(dataDirectory())
	api, err := newCluster(p.cred+"/admin.kubeconfig", nil, nil, "")
	if err == nil {
		err = api.ready(context.Background())
	}
	if err != nil {
		return fmt.Errorf("see server log for details: %w", err)
	}
	provider, err := encryptionProvider(p)
	if err != nil {
		return err
	}
	if provider == "" {
		fmt.Println("Encryption Status: Disabled, no configuration file found")
		return nil
	}
	types := map[string]string{"aescbc": "AES-CBC", "secretbox": "XSalsa20-POLY1305"}
	fmt.Print("Encryption Status: Enabled\nCurrent Rotation Stage: start\nServer Encryption Hashes: All hashes match\n\n")
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "Active\tKey Type\tName\n------\t--------\t----\n *\t%s\t%skey\n", types[provider], provider)
	return out.Flush()
}

// token implements `token generate`.
func token(argv []string) error {
	if len(argv) != 1 || argv[0] != "generate" {
		return fmt.Errorf("token %s: %w", strings.Join(argv, " "), errStandIn)
	}
	fmt.Println(randomHex(3) + "." + randomHex(8))
	return nil
}

// certificate implements `certificate check [--output table|text]`.
func certificate(argv []string) error {
	format := "text"
	rest := argv
	if len(rest) > 0 && rest[0] == "check" {
		rest = rest[1:]
		switch {
		case len(rest) == 2 && (rest[0] == "--output" || rest[0] == "-o"):
			format, rest = rest[1], nil
		case len(rest) == 1 && strings.HasPrefix(rest[0], "--output="):
			format, rest = strings.TrimPrefix(rest[0], "--output="), nil
		}
		if len(rest) == 0 && (format == "text" || format == "table") {
			return printCertificates(newPaths(dataDirectory()), format, time.Now())
		}
	}
	return fmt.Errorf("certificate %s: %w", strings.Join(argv, " "), errStandIn)
}

func printCertificates(p paths, format string, now time.Time) error {
	files, err := certificateFiles(p)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if format == "table" {
		fmt.Fprintln(out, "FILENAME\tSUBJECT\tUSAGES\tEXPIRES\tRESIDUAL TIME\tSTATUS\n--------\t-------\t------\t-------\t-------------\t------")
	}
	for _, file := range files {
		cert, _, err := readCert(file)
		if err != nil {
			return err
		}
		left, status := cert.NotAfter.Sub(now), certificateStatus(cert, now)
		if format == "table" {
			fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", filepath.Base(file), cert.Subject.CommonName, usages(cert),
				cert.NotAfter.UTC().Format("Jan 02, 2006 15:04 MST"), residual(left), status)
		} else {
			logf("info", "%s: certificate CN=%s is %s, expires at %s", file, cert.Subject.CommonName, strings.ToLower(status), cert.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return out.Flush()
}

func certificateFiles(p paths) ([]string, error) {
	var out []string
	for _, root := range []string{p.tls, p.agent} {
		matches, err := filepath.Glob(root + "/*.crt")
		if err != nil {
			return nil, err
		}
		out = append(out, matches...)
	}
	matches, err := filepath.Glob(p.tls + "/etcd/*.crt")
	if len(out) == 0 && err == nil {
		return nil, fmt.Errorf("no certificates below %s: %w", p.data, fs.ErrNotExist)
	}
	return append(out, matches...), err
}

func certificateStatus(cert *x509.Certificate, now time.Time) string {
	switch left := cert.NotAfter.Sub(now); {
	case left <= 0:
		return "EXPIRED"
	case left < renewBefore:
		return "WARNING"
	default:
		return "OK"
	}
}

func usages(cert *x509.Certificate) string {
	var out []string
	if cert.IsCA {
		out = append(out, "CertSign")
	}
	for _, usage := range cert.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageClientAuth:
			out = append(out, "ClientAuth")
		case x509.ExtKeyUsageServerAuth:
			out = append(out, "ServerAuth")
		}
	}
	return strings.Join(out, ",")
}

// residual is the largest unit, as k3s prints it.
func residual(left time.Duration) string {
	days := int(left.Hours() / 24)
	switch {
	case left <= 0:
		return "0"
	case days >= 730:
		return fmt.Sprintf("%d years", days/365)
	case days >= 2:
		return fmt.Sprintf("%d days", days)
	}
	return fmt.Sprintf("%d hours", int(left.Hours()))
}
