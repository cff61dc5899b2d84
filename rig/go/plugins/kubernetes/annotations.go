package kubernetes

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

const (
	annotationPrefix = "pulumi.com/"
	autonamed        = annotationPrefix + "autonamed"
	skipAwait        = annotationPrefix + "skipAwait"
	patchForce       = annotationPrefix + "patchForce"
	timeoutSeconds   = annotationPrefix + "timeoutSeconds"
	propagation      = annotationPrefix + "deletionPropagationPolicy"
)

// annotationRules tell what is wrong with a value, "" when nothing is.
var annotationRules = map[string]func(value string) string{
	autonamed:  oneOf("true"),
	skipAwait:  oneOf("true", "false"),
	patchForce: oneOf("true", "false"),
	timeoutSeconds: func(value string) string {
		if _, err := strconv.Atoi(value); err != nil {
			return "not a number of seconds"
		}
		return ""
	},
	propagation: oneOf("foreground", "background", "orphan"),
}

func oneOf(allowed ...string) func(string) string {
	return func(value string) string {
		for _, item := range allowed {
			if item == value {
				return ""
			}
		}
		return "not one of " + strings.Join(allowed, ", ")
	}
}

// annotationProblems names every pulumi.com/ annotation that the rig would not honour.
func annotationProblems(inputs resource.PropertyMap) []string {
	var problems []string
	annotations := pluginkit.Plain(at(inputs, "metadata", "annotations"))
	if annotations.V == nil || !annotations.IsObject() {
		return nil
	}
	for key := range annotations.ObjectValue() {
		name := string(key)
		if !strings.HasPrefix(name, annotationPrefix) {
			continue
		}
		rule, known := annotationRules[name]
		if !known {
			problems = append(problems, fmt.Sprintf("metadata.annotations[%s]: the rig does not implement this annotation", name))
		} else if problem := rule(annotation(inputs, name)); problem != "" {
			problems = append(problems, fmt.Sprintf("metadata.annotations[%s]: %q is %s", name, annotation(inputs, name), problem))
		}
	}
	sort.Strings(problems)
	return problems
}

func annotation(inputs resource.PropertyMap, name string) string {
	return text(inputs, "metadata", "annotations", name)
}

// awaitLimit is the time an await may take: customTimeouts, else the annotation, else the kind's default.
func awaitLimit(inputs resource.PropertyMap, requestSeconds float64, byDefault time.Duration) time.Duration {
	if requestSeconds > 0 {
		return time.Duration(requestSeconds * float64(time.Second))
	}
	if seconds, err := strconv.Atoi(annotation(inputs, timeoutSeconds)); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return byDefault
}
