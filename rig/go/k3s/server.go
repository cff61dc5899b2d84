package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// server is one run of `k3s server`.
type server struct {
	*supervisor
	config *config
	paths  paths
	bin    string
	secret string
	socket string
	api    *cluster
}

// runServer starts everything, reports readiness and stays until a signal or
// until a component ends.
func runServer(argv []string) error {
	socket := takeNotifySocket()
	c, err := loadConfig(argv)
	if err != nil {
		return err
	}
	logf("info", "Starting k3s %s", version)
	p := newPaths(c.dataDir)
	if err := p.make(); err != nil {
		return err
	}
	bin, err := unpack(c.dataDir)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	env := append(os.Environ(), "PATH="+toolPath(bin, c.preferBundled))
	s := &server{supervisor: newSupervisor(env), config: c, paths: p, bin: bin, socket: socket}
	defer s.stop()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop while starting
		}
		return err
	}
	select {
	case <-ctx.Done():
		logf("info", "Stopping; containers keep running")
		return nil
	case err := <-s.failed:
		return err
	}
}

// start brings the parts up in the order of their needs. Any part that ends
// on the way ends the start.
func (s *server) start(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- s.steps(ctx, parent) }()
	select {
	case err := <-done:
		return err
	case err := <-s.failed:
		cancel(err)
		<-done
		return err
	}
}

// steps runs under ctx; what outlives the start runs under life.
func (s *server) steps(ctx, life context.Context) error {
	for _, step := range []func(context.Context) error{
		s.prepare, s.startEtcd, s.startControlPlane, s.startContainerd, s.startNode,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := notify(s.socket, "READY=1\n"); err != nil {
		return err
	}
	logf("info", "k3s is up and running")
	if err := scheduleSnapshots(life, s.config, s.paths); err != nil {
		return err
	}
	go newImporter(s.supervisor, s.paths, s.bin).follow(life)
	go s.configureCluster(life)
	return nil
}

// prepare makes everything that lies on disk or in the kernel.
func (s *server) prepare(ctx context.Context) error {
	c, p := s.config, s.paths
	secret, err := resolveToken(c, p)
	if err != nil {
		return err
	}
	s.secret = secret
	if err := prepareKernel(); err != nil {
		return err
	}
	if err := prepareBackend(c.flannelBackend); err != nil {
		return err
	}
	if err := ensureEncryption(c, p); err != nil {
		return err
	}
	if _, err := identities(c, p); err != nil {
		return err
	}
	if err := dropStaleBridge(); err != nil {
		return err
	}
	return masquerade(ctx, s.supervisor, c)
}

func (s *server) startEtcd(ctx context.Context) error {
	name, err := memberName(s.config, s.paths)
	if err != nil {
		return err
	}
	if err := s.component("etcd", etcdArgs(s.config, s.paths, name)); err != nil {
		return err
	}
	client, err := etcdClient(s.paths)
	if err != nil {
		return err
	}
	defer client.Close()
	err = eventually(ctx, "etcd answers", 2*time.Minute, func(ctx context.Context) error {
		_, err := client.Get(ctx, "health")
		return err
	})
	if err != nil {
		return err
	}
	if err := checkBootstrap(ctx, client, s.paths, s.secret); err != nil {
		return err
	}
	// Only a token that opened the datastore replaces the one on disk.
	_, ca, err := readCert(s.paths.tls + "/server-ca.crt")
	if err != nil {
		return err
	}
	return writeTokens(s.config, s.paths, s.secret, &authority{pem: ca})
}

func (s *server) startControlPlane(ctx context.Context) error {
	if err := s.component("kube-apiserver", apiServerArgs(s.config, s.paths)); err != nil {
		return err
	}
	api, err := newCluster(s.paths.cred+"/admin.kubeconfig", s.config, s.supervisor, s.bin)
	if err != nil {
		return err
	}
	s.api = api
	if err := eventually(ctx, "API server is ready", 5*time.Minute, api.ready); err != nil {
		return err
	}
	if err := s.component("kube-controller-manager", controllerManagerArgs(s.config, s.paths)); err != nil {
		return err
	}
	return s.component("kube-scheduler", schedulerArgs(s.config, s.paths))
}

func (s *server) startContainerd(ctx context.Context) error {
	file, err := writeContainerd(s.config, s.paths, s.bin)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.paths.agent+"/containerd/containerd.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := s.run("containerd", log, s.bin+"/containerd", "--config", file); err != nil {
		return err
	}
	err = eventually(ctx, "containerd answers", time.Minute, func(ctx context.Context) error {
		_, err := s.output(ctx, nil, s.bin+"/ctr", "--address", containerdSocket, "version")
		return err
	})
	if err != nil {
		return err
	}
	return newImporter(s.supervisor, s.paths, s.bin).load(ctx)
}

func (s *server) startNode(ctx context.Context) error {
	if err := checkNodePassword(ctx, s.api, s.config.nodeName); err != nil {
		return err
	}
	resolv, err := resolvConf(s.paths)
	if err != nil {
		return err
	}
	if err := writeKubeletDefaults(s.config, s.paths, resolv); err != nil {
		return err
	}
	if err := s.component("kubelet", kubeletArgs(s.config, s.paths)); err != nil {
		return err
	}
	return s.component("kube-proxy", proxyArgs(s.config, s.paths))
}

// writeKubeletDefaults leaves what others have put into the directory alone.
func writeKubeletDefaults(c *config, p paths, resolvConf string) error {
	return writeFile(filepath.Join(p.agent, "etc/kubelet.conf.d/00-k3s-defaults.conf"), []byte(kubeletDefaults(c, p, resolvConf)), 0o600)
}

// component starts one part of the multi-call binary.
func (s *server) component(name string, args []string) error {
	return s.run(name, os.Stderr, append([]string{s.bin + "/kube", name}, args...)...)
}

// errStandIn marks what k3s can do and the stand-in refuses.
var errStandIn = errors.New("not implemented by the k3s stand-in; use the real k3s")
