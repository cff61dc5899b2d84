// Package pluginkit holds what the plugins share: the protocol's fixed answers, the property
// tables that inputs are checked against, and the input diff.
package pluginkit

import (
	"context"
	"fmt"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// Base answers the calls that are the same in each plugin and carries the engine's cancellation.
type Base struct {
	plugin.UnimplementedProvider
	Name      string
	Log       *Log
	cancelled context.Context
	cancel    context.CancelFunc
}

// NewBase returns a Base for the plugin name ("command", "random", ...).
func NewBase(name string, log *Log) Base {
	ctx, cancel := context.WithCancel(context.Background())
	return Base{Name: name, Log: log, cancelled: ctx, cancel: cancel}
}

// Context ends with the request, with the engine's cancellation, or after timeoutSeconds (0: no deadline).
func (b *Base) Context(ctx context.Context, timeoutSeconds float64) (context.Context, context.CancelFunc) {
	merged, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.cancelled, func() { cancel(fmt.Errorf("the run was cancelled")) })
	release := func() { stop(); cancel(context.Canceled) }
	if timeoutSeconds <= 0 {
		return merged, release
	}
	limit := time.Duration(timeoutSeconds * float64(time.Second))
	limited, cancelLimit := context.WithTimeoutCause(merged, limit, fmt.Errorf("no success within %s", limit))
	return limited, func() { cancelLimit(); release() }
}

// Handshake accepts secrets as typed values, so that outputs keep their secretness.
func (b *Base) Handshake(context.Context, plugin.ProviderHandshakeRequest) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{AcceptSecrets: true}, nil
}

// Close has nothing to release: connections end with their request.
func (b *Base) Close() error { return nil }

// SignalCancellation ends every request under way.
func (b *Base) SignalCancellation(context.Context) error {
	b.cancel()
	return nil
}

// GetSchema is minimal: the program uses published SDKs, nothing generates code from this.
func (b *Base) GetSchema(context.Context, plugin.GetSchemaRequest) (plugin.GetSchemaResponse, error) {
	schema := fmt.Sprintf(`{"name":%q,"version":%q,"description":"test rig"}`, b.Name, Versions[b.Name])
	return plugin.GetSchemaResponse{Schema: []byte(schema)}, nil
}

// GetPluginInfo tells the SDK's version.
func (b *Base) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	version, err := semver.Parse(Versions[b.Name])
	return plugin.PluginInfo{Version: &version}, err
}

// CheckConfig refuses every setting: plugins without configuration keep this.
func (b *Base) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	return plugin.CheckConfigResponse{Properties: req.News, Failures: CheckFields(b.Name, req.News, Fields{"version": {Kind: String}})}, nil
}

// DiffConfig finds no change: plugins without configuration keep this.
func (b *Base) DiffConfig(context.Context, plugin.DiffConfigRequest) (plugin.DiffResult, error) {
	return plugin.DiffResult{Changes: plugin.DiffNone}, nil
}

// Configure has nothing to set: plugins without configuration keep this.
func (b *Base) Configure(context.Context, plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	return plugin.ConfigureResponse{}, nil
}

// UnknownType is the error for a resource type that the rig does not implement.
func (b *Base) UnknownType(token string) error {
	return fmt.Errorf("%s: the rig's %s plugin does not implement this resource type", token, b.Name)
}
