package pluginkit

import (
	"encoding/json"
	"os"
	"testing"
)

// The engine warns when plugin and SDK differ, and official plugins must be equal.
func TestVersionsAreThoseOfTheLockFile(t *testing.T) {
	raw, err := os.ReadFile("../../../../package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	for name, version := range Versions {
		if locked := lock.Packages["node_modules/@pulumi/"+name].Version; locked != version {
			t.Errorf("%s: this plugin says %s, the lock file %s: change versions.go after looking at the SDK's changes", name, version, locked)
		}
	}
}
