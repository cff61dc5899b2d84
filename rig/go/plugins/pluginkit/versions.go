package pluginkit

// Versions are those of the SDKs that the program installs: the engine compares them and warns
// about a difference. versions_test.go compares them with the lock file.
var Versions = map[string]string{
	"command":    "1.2.1",
	"kubernetes": "4.32.0",
	"random":     "4.21.2",
	"tls":        "5.6.1",
}
