// Package kubernetes is the rig's `kubernetes` plugin: the typed kinds that the program uses, by
// server-side apply, with the official plugin's naming, replacement and await rules. Unknown
// kinds, fields, settings and pulumi.com/ annotations are errors.
package kubernetes

import (
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

// Provider serves one configured provider instance. Its state is the settings and the client made from them.
type Provider struct {
	pluginkit.Base
	settings settings
	cluster  cluster

	probe       sync.Once
	unreachable error
}

// New returns the plugin.
func New(log *pluginkit.Log) plugin.Provider {
	return &Provider{Base: pluginkit.NewBase("kubernetes", log)}
}
