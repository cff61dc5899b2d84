package command

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

var connectionFields = pluginkit.Fields{
	"host":               {Kind: pluginkit.String, Required: true},
	"port":               {Kind: pluginkit.Number},
	"user":               {Kind: pluginkit.String},
	"privateKey":         {Kind: pluginkit.String},
	"privateKeyPassword": {Kind: pluginkit.String},
	"password":           {Kind: pluginkit.String},
	"agentSocketPath":    {Kind: pluginkit.String},
	"hostKey":            {Kind: pluginkit.String, Required: true},
	"dialErrorLimit":     {Kind: pluginkit.Number},
	"perDialTimeout":     {Kind: pluginkit.Number},
	"proxy":              {Refuse: always("the rig does not implement a bastion host")},
}

var schema = map[string]pluginkit.Fields{
	commandToken: {
		"connection":             {Kind: pluginkit.Object, Required: true, Fields: connectionFields},
		"create":                 {Kind: pluginkit.String},
		"update":                 {Kind: pluginkit.String},
		"delete":                 {Kind: pluginkit.String},
		"stdin":                  {Kind: pluginkit.String},
		"triggers":               {},
		"addPreviousOutputInEnv": {Kind: pluginkit.Bool},
		"logging":                {Kind: pluginkit.String, OneOf: []string{"stdoutAndStderr", "stdout", "stderr", "none"}},
		"environment":            {Kind: pluginkit.StringMap, Refuse: unlessEmpty},
	},
	copyToken: {
		"connection": {Kind: pluginkit.Object, Required: true, Fields: connectionFields},
		"source":     {Kind: pluginkit.Asset, Required: true},
		"remotePath": {Kind: pluginkit.String, Required: true},
		"triggers":   {},
	},
}

func always(reason string) func(resource.PropertyValue) string {
	return func(resource.PropertyValue) string { return reason }
}

// unlessEmpty: a server accepts variables only if its AcceptEnv names them, so they fail on most hosts.
func unlessEmpty(value resource.PropertyValue) string {
	if len(value.ObjectValue()) == 0 {
		return ""
	}
	return "sshd drops variables that its AcceptEnv does not name; send values on stdin"
}
