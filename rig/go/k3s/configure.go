package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"healthcare-platform/rig/k3s/netpol"
)

// configureCluster does what needs a working API server and node, and goes
// on trying: none of it may end k3s.
func (s *server) configureCluster(ctx context.Context) {
	steps := map[string]func(context.Context) error{
		"node":   func(ctx context.Context) error { return s.api.adoptNode(ctx, s.paths) },
		"addons": func(ctx context.Context) error { return s.api.applyAddons(ctx, s.paths) },
		"network policy": func(ctx context.Context) error {
			return netpol.Run(ctx, s.api.client, s.config.nodeName, s.loadRules)
		},
	}
	for name, step := range steps {
		go func() {
			for ctx.Err() == nil {
				err := step(ctx)
				if err == nil {
					return
				}
				if ctx.Err() == nil {
					logf("error", "%s: %v", name, err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(3 * time.Second):
				}
			}
		}()
	}
}

// loadRules gives nft one transaction.
func (s *server) loadRules(ctx context.Context, rules io.Reader) error {
	_, err := s.output(ctx, rules, "nft", "-f", "-")
	if err != nil {
		return fmt.Errorf("loading the network policy rules: %w", err)
	}
	return nil
}
