package kubernetes

import (
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"platform.rig/plugins/pluginkit"
)

const (
	secretToken = "kubernetes:core/v1:Secret"
	secretPath  = "/api/v1/namespaces/ns/secrets/x"
	get         = "GET " + secretPath
	apply       = "PATCH " + secretPath + " force=false fieldValidation=Strict"
	dryApply    = "PATCH " + secretPath + " dryRun=All force=false fieldValidation=Strict"
	versionCall = "GET /version"
)

func secretInputs(password string) resource.PropertyMap {
	inputs := object(map[string]any{"apiVersion": "v1", "kind": "Secret"})
	inputs["stringData"] = resource.MakeSecret(resource.NewObjectProperty(resource.PropertyMap{"password": resource.NewStringProperty(password)}))
	return inputs
}

func create(p *Provider, token string, inputs resource.PropertyMap, preview bool) (plugin.CreateResponse, error) {
	return p.Create(background, plugin.CreateRequest{Name: "x", Type: tokens.Type(token), Properties: inputs, Preview: preview, Timeout: 1})
}

func TestLifecycleOfASecret(t *testing.T) {
	api, p := newAPIServer(t)
	preview, err := create(p, secretToken, secretInputs("first"), true)
	if err != nil || !preview.Properties["stringData"].IsSecret() {
		t.Fatalf("%v %v", preview, err)
	}
	api.took(t, versionCall, get, dryApply)

	made, err := create(p, secretToken, secretInputs("first"), false)
	if err != nil || made.ID != "ns/x" || !made.Properties["data"].IsSecret() {
		t.Fatalf("%v %v", made, err)
	}
	api.took(t, get, apply)
	if data := pluginkit.Nested(made.Properties, "data"); pluginkit.Text(data, "password") != "Zmlyc3Q=" {
		t.Error("stringData was not sent as data")
	}
	if strings.Contains(made.Properties["metadata"].String(), "managedFields") {
		t.Error("managedFields went into the state")
	}
	if _, err := create(p, secretToken, secretInputs("again"), false); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("got %v", err)
	}
	api.took(t, get)

	updated, err := p.Update(background, plugin.UpdateRequest{Type: secretToken, ID: made.ID, NewInputs: secretInputs("second"), OldOutputs: made.Properties})
	if err != nil || text(updated.Properties, fieldManagerKey) != text(made.Properties, fieldManagerKey) {
		t.Fatalf("the field manager changed: %v %v", updated, err)
	}
	api.took(t, get, apply)

	_, err = p.Delete(background, plugin.DeleteRequest{Type: secretToken, ID: made.ID, Inputs: secretInputs("second"), Outputs: updated.Properties})
	if err != nil || len(api.objects) != 0 {
		t.Fatalf("%v %v", api.objects, err)
	}
	api.took(t, "DELETE "+secretPath, get)
	if _, err := p.Delete(background, plugin.DeleteRequest{Type: secretToken, Inputs: secretInputs("")}); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func TestUpdateOfAMissingObjectIsAnError(t *testing.T) {
	_, p := newAPIServer(t)
	_, err := p.Update(background, plugin.UpdateRequest{Type: secretToken, NewInputs: secretInputs("a")})
	if err == nil || !strings.Contains(err.Error(), "pulumi refresh") {
		t.Errorf("got %v", err)
	}
}

func TestRefreshShowsDriftAndLoss(t *testing.T) {
	api, p := newAPIServer(t)
	made, err := create(p, secretToken, secretInputs("first"), false)
	if err != nil {
		t.Fatal(err)
	}
	request := plugin.ReadRequest{Type: secretToken, ID: made.ID, Inputs: secretInputs("first"), State: made.Properties}
	same, err := p.Read(background, request)
	if diff := pluginkit.InputDiff(request.Inputs, same.Inputs, func(string) bool { return false }); err != nil || diff.Changes != plugin.DiffNone {
		t.Errorf("%+v %v", diff, err)
	}
	if !same.Inputs["stringData"].IsSecret() {
		t.Error("the refreshed inputs are no longer secret")
	}
	api.objects[secretPath]["data"] = map[string]any{"password": "b3RoZXI="}
	drifted, err := p.Read(background, request)
	if err != nil || pluginkit.Text(pluginkit.Nested(drifted.Inputs, "stringData"), "password") != "other" {
		t.Errorf("%v %v", drifted.Inputs, err)
	}
	delete(api.objects, secretPath)
	if gone, err := p.Read(background, request); err != nil || gone.ID != "" {
		t.Errorf("%v %v", gone, err)
	}
}

func TestConflictNamesTheRemedy(t *testing.T) {
	api, p := newAPIServer(t)
	api.conflict = true
	if _, err := create(p, secretToken, secretInputs("a"), false); err == nil || !strings.Contains(err.Error(), patchForce) {
		t.Errorf("got %v", err)
	}
	forced := with(secretInputs("a"), "true", "metadata", "annotations", patchForce)
	if !p.target(kind{}, forced, "m").force {
		t.Error("the annotation does not force")
	}
}

// The first run died before the engine had recorded the object: the run that adopts takes it over, the next one is as before.
func TestUpsertAdoptsWhatExists(t *testing.T) {
	api, p := newAPIServer(t)
	if _, err := create(p, secretToken, secretInputs("first"), false); err != nil {
		t.Fatal(err)
	}
	api.took(t, get, apply)
	adopting := api.provider(t, map[string]any{"upsertExistingObjects": "true"})
	if _, err := create(adopting, secretToken, secretInputs("second"), true); err != nil {
		t.Errorf("got %v", err)
	}
	api.took(t, versionCall, dryApply)
	made, err := create(adopting, secretToken, secretInputs("second"), false)
	if err != nil || made.ID != "ns/x" || pluginkit.Text(pluginkit.Nested(made.Properties, "data"), "password") != "c2Vjb25k" {
		t.Fatalf("%v %v", made, err)
	}
	api.took(t, apply)
	if _, err := create(p, secretToken, secretInputs("third"), false); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("got %v", err)
	}
}

// Fields that the lost state's manager owns with other values are a conflict; only force takes them.
func TestUpsertDoesNotForce(t *testing.T) {
	api, _ := newAPIServer(t)
	api.conflict = true
	upsert := map[string]any{"upsertExistingObjects": "true"}
	if _, err := create(api.provider(t, upsert), secretToken, secretInputs("a"), false); err == nil || !strings.Contains(err.Error(), patchForce) {
		t.Errorf("got %v", err)
	}
	upsert["enablePatchForce"] = "true"
	if _, err := create(api.provider(t, upsert), secretToken, secretInputs("a"), false); err != nil {
		t.Errorf("got %v", err)
	}
}

// A Patch never makes what it patches, adopting or not.
func TestUpsertStillNeedsTheTargetOfAPatch(t *testing.T) {
	api, _ := newAPIServer(t)
	p := api.provider(t, map[string]any{"upsertExistingObjects": "true"})
	inputs := object(map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": false})
	path := "/api/v1/namespaces/ns/serviceaccounts/x"
	api.objects[path] = map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": "x"}}
	if _, err := create(p, "kubernetes:core/v1:ServiceAccountPatch", inputs, false); err != nil {
		t.Fatal(err)
	}
	api.took(t, "GET "+path, "PATCH "+path+" force=false fieldValidation=Strict")
}

func TestABrokenConnectionIsRetried(t *testing.T) {
	api, p := newAPIServer(t)
	api.failing = 1
	if _, err := create(p, secretToken, secretInputs("a"), false); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPreviewWithoutClusterComesFromTheInputs(t *testing.T) {
	p := provider()
	_, err := p.Configure(background, plugin.ConfigureRequest{Inputs: resource.NewPropertyMapFromMap(map[string]any{"kubeconfig": kubeconfig("https://127.0.0.1:1", "t")})})
	if err != nil {
		t.Fatal(err)
	}
	if made, err := create(p, secretToken, secretInputs("a"), true); err != nil || text(made.Properties, "metadata", "name") != "x" {
		t.Errorf("%v %v", made, err)
	}
	changed, err := p.Update(background, plugin.UpdateRequest{Type: secretToken, NewInputs: secretInputs("b"), Preview: true,
		OldOutputs: object(map[string]any{"metadata": map[string]any{"uid": "u", "name": "old"}})})
	if err != nil || text(changed.Properties, "metadata", "uid") != "u" || text(changed.Properties, "metadata", "name") != "x" {
		t.Errorf("%v %v", changed, err)
	}
}

func TestPreviewOfUnknownsAsksNobody(t *testing.T) {
	api, p := newAPIServer(t)
	inputs := secretInputs("a")
	inputs["stringData"] = resource.MakeSecret(pluginkit.Unknown())
	if _, err := create(p, secretToken, inputs, true); err != nil {
		t.Error(err)
	}
	api.took(t)
}

func TestAnObjectThatDoesNotGetReadyIsStored(t *testing.T) {
	api, p := newAPIServer(t)
	api.status = func(string) any {
		return map[string]any{"conditions": []any{map[string]any{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}}}
	}
	_, err := create(p, "kubernetes:batch/v1:Job", object(map[string]any{"apiVersion": "batch/v1", "kind": "Job"}), false)
	var failed *rpcerror.Error
	if !errors.As(rpcerror.Convert(err), &failed) || len(failed.Details()) != 1 {
		t.Fatalf("got %v", err)
	}
	detail, ok := failed.Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	if !ok || detail.Id != "ns/x" || !strings.Contains(detail.Reasons[0], "BackoffLimitExceeded") || detail.Inputs.Fields["kind"].GetStringValue() != "Job" {
		t.Errorf("got %v", failed.Details())
	}
}

func TestSkipAwaitAndReleases(t *testing.T) {
	_, p := newAPIServer(t)
	waiting := object(map[string]any{"apiVersion": "apps/v1", "kind": "StatefulSet"})
	if _, err := create(p, "kubernetes:apps/v1:StatefulSet", waiting, false); err == nil || !strings.Contains(err.Error(), "timed out after 1s") {
		t.Errorf("got %v", err)
	}
	skipping := with(with(waiting, "true", "metadata", "annotations", skipAwait), "y", "metadata", "name")
	if _, err := create(p, "kubernetes:apps/v1:StatefulSet", skipping, false); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := create(p, releaseToken, resource.PropertyMap{}, true); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := create(p, releaseToken, resource.PropertyMap{}, false); err == nil {
		t.Error("a release was created without Helm")
	}
}

func TestDeletingAPatchLeavesTheObject(t *testing.T) {
	api, p := newAPIServer(t)
	inputs := object(map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": false})
	path := "/api/v1/namespaces/ns/serviceaccounts/x"
	api.objects[path] = map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": "x"}}
	made, err := create(p, "kubernetes:core/v1:ServiceAccountPatch", inputs, false)
	if err != nil {
		t.Fatal(err)
	}
	api.took(t, "GET "+path, "PATCH "+path+" force=false fieldValidation=Strict")
	if _, err := p.Delete(background, plugin.DeleteRequest{Type: "kubernetes:core/v1:ServiceAccountPatch", Inputs: inputs, Outputs: made.Properties}); err != nil {
		t.Fatal(err)
	}
	if _, left := api.objects[path]["automountServiceAccountToken"]; left || api.objects[path] == nil {
		t.Errorf("got %v", api.objects[path])
	}
}
