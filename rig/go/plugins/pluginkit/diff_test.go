package pluginkit

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

func never(string) bool { return false }

func TestSecretnessIsNoDifference(t *testing.T) {
	olds := resource.PropertyMap{"a": resource.NewStringProperty("x"), "gone": resource.NewNullProperty()}
	news := resource.PropertyMap{"a": Secret("x")}
	if diff := InputDiff(olds, news, never); diff.Changes != plugin.DiffNone {
		t.Fatalf("got %+v", diff)
	}
}

func TestUnknownIsADifference(t *testing.T) {
	diff := InputDiff(resource.PropertyMap{"a": Secret("x")}, resource.PropertyMap{"a": Unknown()}, never)
	if diff.Changes != plugin.DiffSome || Replaces(diff) {
		t.Fatalf("got %+v", diff)
	}
}

func TestForceNewPathsReplace(t *testing.T) {
	olds := resource.NewPropertyMapFromMap(map[string]any{"spec": map[string]any{"a": "1", "b": "1"}})
	news := resource.NewPropertyMapFromMap(map[string]any{"spec": map[string]any{"a": "2", "b": "2"}})
	diff := InputDiff(olds, news, func(path string) bool { return path == "spec.b" })
	if diff.DetailedDiff["spec.a"].Kind != plugin.DiffUpdate || diff.DetailedDiff["spec.b"].Kind != plugin.DiffUpdateReplace {
		t.Fatalf("got %+v", diff.DetailedDiff)
	}
}
