// Command k3s stands in for k3s on the test rig: the same name, config file,
// directories and subcommands around upstream Kubernetes. Whatever it does not
// implement it refuses, so that a passing run means what it says.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// version is set by the build script.
var version = "v0.0.0"

func main() {
	if err := run(os.Args[1:]); err != nil {
		logf("fatal", "%v", err)
		os.Exit(1)
	}
}

func run(argv []string) error {
	if len(argv) == 0 {
		return errors.New("name a command: server, kubectl, ctr, etcd-snapshot, secrets-encrypt, certificate, token")
	}
	switch command, rest := argv[0], argv[1:]; command {
	case "--version", "-v":
		fmt.Printf("k3s version %s (standin)\ngo version %s\n", version, runtime.Version())
		return nil
	case "server":
		return runServer(rest)
	case "kubectl":
		return execTool("kube", "kubectl", rest)
	case "ctr":
		return execTool("ctr", "ctr", rest)
	case "etcd-snapshot":
		return etcdSnapshot(rest)
	case "secrets-encrypt":
		return secretsEncrypt(rest)
	case "certificate":
		return certificate(rest)
	case "token":
		return token(rest)
	default:
		return fmt.Errorf("%s: %w", command, errStandIn)
	}
}

// execTool replaces this process by a bundled tool.
func execTool(file, name string, args []string) error {
	bin, err := unpack(dataDirectory())
	if err != nil {
		return err
	}
	argv := []string{file}
	switch name {
	case "kubectl":
		if os.Getenv("KUBECONFIG") == "" {
			os.Setenv("KUBECONFIG", "/etc/rancher/k3s/k3s.yaml")
		}
		argv = append(argv, name)
	case "ctr":
		setDefault("CONTAINERD_ADDRESS", containerdSocket)
		setDefault("CONTAINERD_NAMESPACE", "k8s.io")
	}
	return syscall.Exec(filepath.Join(bin, file), append(argv, args...), os.Environ())
}

func setDefault(name, value string) {
	if os.Getenv(name) == "" {
		os.Setenv(name, value)
	}
}

// dataDirectory is where the server keeps its state; subcommands read it from
// the same config file, if there is one that they may read.
func dataDirectory() string {
	merged, err := readFiles(configFile())
	if err != nil || len(merged["data-dir"]) == 0 {
		return defaultDataDir
	}
	return merged["data-dir"][0]
}
