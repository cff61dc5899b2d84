package netpol

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// resync loads the rules again even when nothing changed, because somebody
// may have flushed them.
const resync = time.Minute

// cluster is what the informers know.
type cluster struct {
	node   string
	lister struct {
		pods       corelisters.PodLister
		namespaces corelisters.NamespaceLister
		policies   networkinglisters.NetworkPolicyLister
	}
	changed chan struct{}
}

// Run keeps the node's rules equal to the cluster's policies until ctx ends.
// The rules stay loaded afterwards, so a restart opens nothing.
func Run(ctx context.Context, client kubernetes.Interface, node string, load func(context.Context, io.Reader) error) error {
	c, err := watch(ctx, client, node)
	if err != nil {
		return err
	}
	loaded := ""
	for {
		state, err := c.state()
		if err != nil {
			return err
		}
		if rules := Render(state); rules != loaded {
			if err := load(ctx, strings.NewReader(rules)); err != nil {
				return err
			}
			loaded = rules
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
		case <-time.After(resync):
			loaded = ""
		}
	}
}

// watch starts informers, and returns when they know everything.
func watch(ctx context.Context, client kubernetes.Interface, node string) (*cluster, error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces := factory.Core().V1().Pods(), factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	c := &cluster{node: node, changed: make(chan struct{}, 1)}
	c.lister.pods, c.lister.namespaces, c.lister.policies = pods.Lister(), namespaces.Lister(), policies.Lister()
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { c.touch() }, DeleteFunc: func(any) { c.touch() }, UpdateFunc: func(_, _ any) { c.touch() },
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, errors.New("no list of " + kind.String())
		}
	}
	return c, nil
}

// touch notes a change, unless one is already pending.
func (c *cluster) touch() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *cluster) state() (State, error) {
	state := State{Node: c.node}
	var errs [3]error
	state.Pods, errs[0] = c.lister.pods.List(labels.Everything())
	state.Namespaces, errs[1] = c.lister.namespaces.List(labels.Everything())
	state.Policies, errs[2] = c.lister.policies.List(labels.Everything())
	return state, errors.Join(errs[:]...)
}
