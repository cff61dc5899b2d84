// Package command is the rig's `command` plugin: remote.Command and remote.CopyToRemote over real
// SSH. Stricter than the official one: a host key must be pinned, an environment is refused.
package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"platform.rig/plugins/pluginkit"
)

const (
	commandToken = "command:remote:Command"
	copyToken    = "command:remote:CopyToRemote"
)

// Provider runs commands and copies files. It holds no connection between requests.
type Provider struct {
	pluginkit.Base
}

// New returns the plugin.
func New(log *pluginkit.Log) plugin.Provider {
	return &Provider{Base: pluginkit.NewBase("command", log)}
}

// Check compares the inputs with the table of the type.
func (p *Provider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	fields, known := schema[string(req.Type)]
	if !known {
		return plugin.CheckResponse{}, p.UnknownType(string(req.Type))
	}
	inputs := pluginkit.WithoutNulls(req.News)
	return plugin.CheckResponse{Properties: inputs, Failures: pluginkit.CheckFields(string(req.Type), inputs, fields)}, nil
}

// Diff makes any changed input an update; changed triggers replace.
func (p *Provider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	return pluginkit.InputDiff(req.OldInputs, req.NewInputs, forceNew), nil
}

func forceNew(path string) bool {
	return path == "triggers" || strings.HasPrefix(path, "triggers[") || strings.HasPrefix(path, "triggers.")
}

// Create runs `create` or copies; a preview never connects. On failure nothing is stored.
func (p *Provider) Create(ctx context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	id, err := resource.NewUniqueHex(req.Name, 8, 0)
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	ctx, cancel := p.Context(ctx, req.Timeout)
	defer cancel()
	outputs, err := p.apply(ctx, req.URN, string(req.Type), req.Properties, nil, req.Preview)
	return plugin.CreateResponse{ID: resource.ID(id), Properties: outputs}, err
}

// Update runs `update`, else `create` again, over the new connection.
func (p *Provider) Update(ctx context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	ctx, cancel := p.Context(ctx, req.Timeout)
	defer cancel()
	outputs, err := p.apply(ctx, req.URN, string(req.Type), req.NewInputs, req.OldOutputs, req.Preview)
	return plugin.UpdateResponse{Properties: outputs}, err
}

// Delete runs `delete` over the connection in state; copied files stay where they are.
func (p *Provider) Delete(ctx context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	script := pluginkit.Text(req.Outputs, "delete")
	if string(req.Type) != commandToken || script == "" {
		return plugin.DeleteResponse{}, nil
	}
	ctx, cancel := p.Context(ctx, req.Timeout)
	defer cancel()
	_, _, err := p.run(ctx, req.URN, script, req.Outputs, req.Outputs)
	return plugin.DeleteResponse{}, err
}

// Read finds no drift: nothing on the host is looked at.
func (p *Provider) Read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: req.State}}, nil
}

// apply is create when olds is nil, else update. It returns the outputs: the inputs, and what the command printed.
func (p *Provider) apply(ctx context.Context, urn resource.URN, token string, inputs, olds resource.PropertyMap, preview bool) (resource.PropertyMap, error) {
	outputs := inputs.Copy()
	if token == copyToken {
		if preview || sameFiles(inputs, olds) {
			return outputs, nil
		}
		return outputs, p.copy(ctx, inputs)
	}
	if preview {
		outputs["stdout"], outputs["stderr"] = pluginkit.Unknown(), pluginkit.Unknown()
		return outputs, nil
	}
	script := pluginkit.Text(inputs, "create")
	if update := pluginkit.Text(inputs, "update"); olds != nil && update != "" {
		script = update
	}
	stdout, stderr := pluginkit.Text(olds, "stdout"), pluginkit.Text(olds, "stderr")
	if script != "" {
		var err error
		if stdout, stderr, err = p.run(ctx, urn, script, inputs, olds); err != nil {
			return nil, err
		}
	}
	outputs["stdout"], outputs["stderr"] = resource.NewStringProperty(stdout), resource.NewStringProperty(stderr)
	return outputs, nil
}

// run sends one command line with the inputs' stdin; previous outputs go into its environment if asked for.
func (p *Provider) run(ctx context.Context, urn resource.URN, script string, inputs, previous resource.PropertyMap) (string, string, error) {
	client, err := dial(ctx, readConnection(pluginkit.Nested(inputs, "connection")))
	if err != nil {
		return "", "", err
	}
	defer client.Close()
	job := job{
		script: script,
		stdin:  pluginkit.Text(inputs, "stdin"),
		log:    p.lineLog(ctx, urn, pluginkit.Text(inputs, "logging")),
	}
	if pluginkit.Flag(inputs, "addPreviousOutputInEnv", true) {
		job.environment = previousOutput(previous)
		job.warn = func(message string) { p.Log.Warn(ctx, urn, message) }
	}
	return runJob(ctx, client, job)
}

func previousOutput(previous resource.PropertyMap) map[string]string {
	environment := map[string]string{}
	for name, variable := range map[string]string{"stdout": "PULUMI_COMMAND_STDOUT", "stderr": "PULUMI_COMMAND_STDERR"} {
		if value := pluginkit.Text(previous, name); value != "" {
			environment[variable] = value
		}
	}
	return environment
}

// lineLog returns what is done with a printed line of the stream "stdout" or "stderr".
func (p *Provider) lineLog(ctx context.Context, urn resource.URN, logging string) func(stream, line string) {
	return func(stream, line string) {
		if logging == "" || logging == "stdoutAndStderr" || logging == stream {
			p.Log.Info(ctx, urn, line)
		}
	}
}

// sameFiles: an update that changes only the connection copies nothing, as with the official plugin.
func sameFiles(news, olds resource.PropertyMap) bool {
	return olds != nil && pluginkit.Text(news, "remotePath") == pluginkit.Text(olds, "remotePath") &&
		pluginkit.Plain(news["source"]).DeepEquals(pluginkit.Plain(olds["source"]))
}

// copy uploads the source below or to remotePath.
func (p *Provider) copy(ctx context.Context, inputs resource.PropertyMap) error {
	source, err := localPath(pluginkit.Plain(inputs["source"]))
	if err != nil {
		return err
	}
	client, err := dial(ctx, readConnection(pluginkit.Nested(inputs, "connection")))
	if err != nil {
		return err
	}
	defer client.Close()
	target := pluginkit.Text(inputs, "remotePath")
	if err := upload(ctx, client, source, target); err != nil {
		return fmt.Errorf("copying %s to %s: %w", source, target, err)
	}
	return nil
}
