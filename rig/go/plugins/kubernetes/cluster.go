package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	transientFor   = 30 * time.Second // how long a broken connection is retried
	transientPause = time.Second
	probeTimeout   = 10 * time.Second // of the one reachability probe per preview
)

// cluster is the way to the API server.
type cluster struct {
	objects   dynamic.Interface
	discovery *discovery.DiscoveryClient
	namespace string
}

// connect builds clients from the kubeconfig's text; nothing is sent yet.
func connect(s settings) (cluster, error) {
	if !strings.Contains(s.kubeconfig, "clusters:") && !strings.Contains(s.kubeconfig, `"clusters"`) {
		return cluster{}, errors.New("kubernetes.kubeconfig: not the text of a kubeconfig; the rig does not read paths")
	}
	raw, err := clientcmd.Load([]byte(s.kubeconfig))
	if err != nil {
		return cluster{}, fmt.Errorf("kubernetes.kubeconfig: %w", err)
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: s.context}
	overrides.Context.Cluster = s.cluster
	overrides.Context.Namespace = s.namespace
	config := clientcmd.NewDefaultClientConfig(*raw, overrides)
	rest, err := config.ClientConfig()
	if err != nil {
		return cluster{}, fmt.Errorf("kubernetes.kubeconfig: %w", err)
	}
	rest.QPS, rest.Burst, rest.Timeout = s.qps, s.burst, s.timeout
	rest.UserAgent = "pulumi-resource-kubernetes (rig)"
	namespace, _, err := config.Namespace()
	if err != nil {
		return cluster{}, err
	}
	objects, err := dynamic.NewForConfig(rest)
	if err != nil {
		return cluster{}, err
	}
	rest.Timeout = probeTimeout
	discover, err := discovery.NewDiscoveryClientForConfig(rest)
	return cluster{objects: objects, discovery: discover, namespace: namespace}, err
}

// client addresses objects of a kind; "" is no namespace.
func (c cluster) client(k kind, namespace string) dynamic.ResourceInterface {
	if k.namespaced {
		return c.objects.Resource(k.gvr()).Namespace(namespace)
	}
	return c.objects.Resource(k.gvr())
}

// reachable asks the API server once per provider: a preview must not wait for each resource.
func (p *Provider) reachable() error {
	if p.settings.kubeconfigUnknown {
		return errors.New("the kubeconfig is not known yet")
	}
	p.probe.Do(func() { _, p.unreachable = p.cluster.discovery.ServerVersion() })
	return p.unreachable
}

// transient tells errors that a restarting API server makes.
func transient(err error) bool {
	var netErr net.Error
	var urlErr *url.Error
	switch {
	case err == nil:
		return false
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EHOSTUNREACH),
		strings.HasSuffix(err.Error(), "EOF"), strings.Contains(err.Error(), "client connection lost"):
		return true
	case apierrors.IsServiceUnavailable(err), apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err):
		return true
	case errors.As(err, &urlErr) && errors.As(err, &netErr) && netErr.Timeout():
		return true
	}
	return false
}

// retried repeats a call while its error is transient, at most transientFor.
func retried[T any](ctx context.Context, call func() (T, error)) (T, error) {
	deadline := time.Now().Add(transientFor)
	for {
		result, err := call()
		if !transient(err) || time.Now().After(deadline) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return result, err
		case <-time.After(transientPause):
		}
	}
}
