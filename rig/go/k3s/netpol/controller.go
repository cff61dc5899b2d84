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
	"k8s.io/client-go/tools/cache"
)

// resync loads the rules again even when nothing changed, because somebody
// may have flushed them.
const resync = time.Minute

// Run keeps the node's rules equal to the cluster's policies until ctx ends.
// The rules stay loaded afterwards, so a restart opens nothing.
func Run(ctx context.Context, client kubernetes.Interface, node string, load func(context.Context, io.Reader) error) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces := factory.Core().V1().Pods(), factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	changed := make(chan struct{}, 1)
	touch := func() {
		select {
		case changed <- struct{}{}:
		default: // a change is already pending
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { touch() }, DeleteFunc: func(any) { touch() }, UpdateFunc: func(_, _ any) { touch() },
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return errors.New("no list of " + kind.String())
		}
	}
	loaded := ""
	for {
		state := State{Node: node}
		var errs [3]error
		state.Pods, errs[0] = pods.Lister().List(labels.Everything())
		state.Namespaces, errs[1] = namespaces.Lister().List(labels.Everything())
		state.Policies, errs[2] = policies.Lister().List(labels.Everything())
		if err := errors.Join(errs[:]...); err != nil {
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
		case <-changed:
		case <-time.After(resync):
			loaded = ""
		}
	}
}
