// Resource plugins of the test rig: one binary, dispatched on the name it is called by.
// Each speaks the engine's ResourceProvider protocol as the official plugin of that name does,
// for the types and settings that the program uses, and refuses everything else.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"platform.rig/plugins/command"
	"platform.rig/plugins/kubernetes"
	"platform.rig/plugins/pluginkit"
	"platform.rig/plugins/random"
	"platform.rig/plugins/tlscert"
)

// plugins maps an executable's name to its provider.
var plugins = map[string]func(*pluginkit.Log) plugin.Provider{
	"command":    command.New,
	"kubernetes": kubernetes.New,
	"random":     random.New,
	"tls":        tlscert.New,
}

func main() {
	if err := run(filepath.Base(os.Args[0])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(executable string) error {
	name := strings.TrimPrefix(executable, "pulumi-resource-")
	create, known := plugins[name]
	if !known {
		return fmt.Errorf("%s: not a plugin of this binary; call it as pulumi-resource-{command,kubernetes,random,tls}", executable)
	}
	return provider.Main(name, func(host *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		return plugin.NewProviderServer(create(&pluginkit.Log{Host: host})), nil
	})
}
