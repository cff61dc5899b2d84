package kubernetes

import "platform.rig/plugins/pluginkit"

// releaseFields are the inputs of helm.sh/v3:Release. The rig has no Helm: a release can be previewed only.
var releaseFields = func() pluginkit.Fields {
	fields := pluginkit.Fields{"chart": {Kind: pluginkit.String, Required: true}}
	for _, name := range []string{
		"allowNullValues", "atomic", "cleanupOnFail", "compat", "createNamespace", "dependencyUpdate", "description", "devel",
		"disableCRDHooks", "disableOpenapiValidation", "disableWebhooks", "forceUpdate", "keyring", "lint", "manifest", "maxHistory",
		"name", "namespace", "postrender", "recreatePods", "renderSubchartNotes", "replace", "repositoryOpts", "resetValues",
		"resourceNames", "reuseValues", "skipAwait", "skipCrds", "timeout", "valueYamlFiles", "values", "verify", "version", "waitForJobs",
	} {
		fields[name] = pluginkit.Field{}
	}
	return fields
}()
