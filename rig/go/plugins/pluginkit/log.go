package pluginkit

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
)

// Log sends lines to the engine's display. A Log without Host (tests) drops them.
type Log struct {
	Host *provider.HostClient
}

// Info is kept in the run's output.
func (l *Log) Info(ctx context.Context, urn resource.URN, message string) {
	l.send(ctx, diag.Info, urn, message)
}

// Warn is kept in the run's output as a warning.
func (l *Log) Warn(ctx context.Context, urn resource.URN, message string) {
	l.send(ctx, diag.Warning, urn, message)
}

// Status is shown while the resource is busy and then forgotten.
func (l *Log) Status(ctx context.Context, urn resource.URN, message string) {
	if l == nil || l.Host == nil {
		return
	}
	// Display only: a lost status line must not fail the resource.
	_ = l.Host.LogStatus(ctx, diag.Info, urn, message)
}

func (l *Log) send(ctx context.Context, severity diag.Severity, urn resource.URN, message string) {
	if l == nil || l.Host == nil {
		return
	}
	_ = l.Host.Log(ctx, severity, urn, message)
}
