package command

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"platform.rig/plugins/pluginkit"
)

var background = context.Background()

func create(p plugin.Provider, token string, inputs resource.PropertyMap, preview bool) (plugin.CreateResponse, error) {
	return p.Create(background, plugin.CreateRequest{Name: "step", Type: tokens.Type(token), Properties: inputs, Preview: preview, Timeout: 20})
}

func TestCommandRunsCreateThenUpdate(t *testing.T) {
	server := newServer(t)
	p := New(&pluginkit.Log{})
	inputs := server.inputs(nil, map[string]any{"create": "make", "stdin": "data", "logging": "none", "addPreviousOutputInEnv": false})
	made, err := create(p, commandToken, inputs, false)
	if err != nil {
		t.Fatal(err)
	}
	if out := pluginkit.Text(made.Properties, "stdout"); out != "ran make\ndata" {
		t.Errorf("stdout %q", out)
	}
	if out := pluginkit.Text(made.Properties, "stderr"); out != "warned" {
		t.Errorf("stderr %q", out)
	}
	if !made.Properties["connection"].IsSecret() {
		t.Error("the connection lost its secretness")
	}
	for update, want := range map[string]string{"change": "ran change", "": "ran make"} {
		news := server.inputs(nil, map[string]any{"create": "make", "update": update, "addPreviousOutputInEnv": false})
		changed, err := p.Update(background, plugin.UpdateRequest{Type: commandToken, NewInputs: news, OldOutputs: made.Properties})
		if err != nil || !strings.HasPrefix(pluginkit.Text(changed.Properties, "stdout"), want) {
			t.Errorf("update %q: %v %v", update, changed.Properties["stdout"], err)
		}
	}
}

func TestPreviewNeverConnects(t *testing.T) {
	server := newServer(t)
	made, err := create(New(&pluginkit.Log{}), commandToken, server.inputs(nil, map[string]any{"create": "make"}), true)
	if err != nil || server.sessions.Load() != 0 || !made.Properties["stdout"].IsComputed() {
		t.Fatalf("%v %d %v", err, server.sessions.Load(), made.Properties["stdout"])
	}
}

func TestFailureHoldsCommandAndOutput(t *testing.T) {
	server := newServer(t)
	made, err := create(New(&pluginkit.Log{}), commandToken, server.inputs(nil, map[string]any{"create": "fail"}), false)
	if err == nil {
		t.Fatal("a command that fails must be an error")
	}
	// Both streams are in it, in the order in which they happened to arrive.
	for _, want := range []string{"Process exited with status 3: running \"fail\":\n", "\nran fail", "\nwarned"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if made.Properties != nil {
		t.Error("a failed create must store nothing")
	}
}

func TestWrongHostKeyStopsBeforeAuthentication(t *testing.T) {
	server, other := newServer(t), newServer(t)
	inputs := server.inputs(map[string]any{"hostKey": other.hostKey, "dialErrorLimit": 10.0}, map[string]any{"create": "make"})
	_, err := create(New(&pluginkit.Log{}), commandToken, inputs, false)
	if err == nil || !strings.Contains(err.Error(), "host key mismatch") {
		t.Fatalf("got %v", err)
	}
	if server.attempts.Load() != 0 {
		t.Error("the client authenticated to an unknown host")
	}
}

func TestUnpinnedHostIsRefused(t *testing.T) {
	server := newServer(t)
	inputs := server.inputs(map[string]any{"hostKey": nil}, map[string]any{"create": "make"})
	check, err := New(&pluginkit.Log{}).Check(background, plugin.CheckRequest{Type: commandToken, News: inputs})
	if err != nil || len(check.Failures) != 1 || !strings.Contains(check.Failures[0].Reason, "connection.hostKey: missing") {
		t.Fatalf("got %v %v", check.Failures, err)
	}
	if _, err := create(New(&pluginkit.Log{}), commandToken, inputs, false); err == nil || server.sessions.Load() != 0 {
		t.Error("an unpinned host was dialled")
	}
}

func TestUnknownTypeAndEnvironmentAreRefused(t *testing.T) {
	p, server := New(&pluginkit.Log{}), newServer(t)
	if _, err := p.Check(background, plugin.CheckRequest{Type: "command:local:Command"}); err == nil || !strings.Contains(err.Error(), "command:local:Command") {
		t.Errorf("got %v", err)
	}
	check, _ := p.Check(background, plugin.CheckRequest{Type: commandToken, News: server.inputs(nil, map[string]any{"environment": map[string]any{"A": "b"}})})
	if len(check.Failures) != 1 {
		t.Errorf("got %v", check.Failures)
	}
	check, _ = p.Check(background, plugin.CheckRequest{Type: commandToken, News: server.inputs(nil, map[string]any{"environment": map[string]any{}})})
	if len(check.Failures) != 0 {
		t.Errorf("got %v", check.Failures)
	}
}

func TestCancelCutsTheConnection(t *testing.T) {
	server := newServer(t)
	p := New(&pluginkit.Log{})
	done := make(chan error, 1)
	go func() {
		_, err := create(p, commandToken, server.inputs(nil, map[string]any{"create": "hang"}), false)
		done <- err
	}()
	<-server.hanging
	if err := p.SignalCancellation(background); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the run was cancelled") {
		t.Fatalf("got %v", err)
	}
	<-server.cutOff
}

func TestOnlyTriggersReplace(t *testing.T) {
	base := map[string]any{"create": "a", "triggers": []any{"1"}, "stdin": "x"}
	for key, replaced := range map[string]bool{"create": false, "stdin": false, "triggers": true, "connection": false} {
		news := resource.NewPropertyMapFromMap(base)
		if news[resource.PropertyKey(key)] = resource.NewStringProperty("other"); key == "triggers" {
			news["triggers"] = resource.NewArrayProperty([]resource.PropertyValue{resource.NewStringProperty("2")})
		}
		diff, err := New(&pluginkit.Log{}).Diff(background, plugin.DiffRequest{Type: commandToken, OldInputs: resource.NewPropertyMapFromMap(base), NewInputs: news})
		if err != nil || diff.Changes != plugin.DiffSome || pluginkit.Replaces(diff) != replaced {
			t.Errorf("%s: %+v %v", key, diff, err)
		}
	}
}

func TestDeleteUsesTheStoredConnection(t *testing.T) {
	server := newServer(t)
	state := server.inputs(nil, map[string]any{"create": "make", "delete": "fail", "stdout": "before"})
	_, err := New(&pluginkit.Log{}).Delete(background, plugin.DeleteRequest{Type: commandToken, Outputs: state})
	if err == nil || !strings.Contains(err.Error(), `running "fail"`) {
		t.Fatalf("got %v", err)
	}
	if variable := <-server.variables; variable != "PULUMI_COMMAND_STDOUT=before" {
		t.Errorf("got %s", variable)
	}
}

func TestCopyLaysADirectoryBelowTheTarget(t *testing.T) {
	server := newServer(t)
	source, target := filepath.Join(t.TempDir(), "artifacts"), filepath.Join(t.TempDir(), "staging")
	if err := os.MkdirAll(filepath.Join(source, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"a": "1", "sub/b": "2"} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, below := range map[string]string{source: "artifacts/", source + "/": ""} {
		inputs := server.inputs(nil, map[string]any{"remotePath": target, "source": &archive.Archive{Path: path, Hash: "h"}})
		if _, err := create(New(&pluginkit.Log{}), copyToken, inputs, false); err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(filepath.Join(target, below, "sub/b")); err != nil || string(content) != "2" {
			t.Errorf("%s: %q %v", path, content, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(target, "*", "*.partial")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
