package kubernetes

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	namespaced  = true
	clusterWide = false
)

// kind is one resource type of the program. The tables replace discovery, which costs seconds with many CRDs.
type kind struct {
	gvk        schema.GroupVersionKind
	plural     string
	namespaced bool
	patch      bool // a *Patch type: some fields of an object that another owns
	release    bool // helm.sh/v3:Release, preview only
}

// known lists "group/version:Kind" as in the SDK's tokens, where the core group is "core".
var known = map[string]kind{
	"core/v1:Namespace":                                                {plural: "namespaces", namespaced: clusterWide},
	"core/v1:ConfigMap":                                                {plural: "configmaps", namespaced: namespaced},
	"core/v1:Secret":                                                   {plural: "secrets", namespaced: namespaced},
	"core/v1:ServiceAccount":                                           {plural: "serviceaccounts", namespaced: namespaced},
	"core/v1:Service":                                                  {plural: "services", namespaced: namespaced},
	"core/v1:PersistentVolumeClaim":                                    {plural: "persistentvolumeclaims", namespaced: namespaced},
	"core/v1:PersistentVolume":                                         {plural: "persistentvolumes", namespaced: clusterWide},
	"core/v1:ResourceQuota":                                            {plural: "resourcequotas", namespaced: namespaced},
	"core/v1:LimitRange":                                               {plural: "limitranges", namespaced: namespaced},
	"apps/v1:Deployment":                                               {plural: "deployments", namespaced: namespaced},
	"apps/v1:StatefulSet":                                              {plural: "statefulsets", namespaced: namespaced},
	"apps/v1:DaemonSet":                                                {plural: "daemonsets", namespaced: namespaced},
	"batch/v1:Job":                                                     {plural: "jobs", namespaced: namespaced},
	"batch/v1:CronJob":                                                 {plural: "cronjobs", namespaced: namespaced},
	"policy/v1:PodDisruptionBudget":                                    {plural: "poddisruptionbudgets", namespaced: namespaced},
	"storage.k8s.io/v1:StorageClass":                                   {plural: "storageclasses", namespaced: clusterWide},
	"scheduling.k8s.io/v1:PriorityClass":                               {plural: "priorityclasses", namespaced: clusterWide},
	"networking.k8s.io/v1:NetworkPolicy":                               {plural: "networkpolicies", namespaced: namespaced},
	"networking.k8s.io/v1:Ingress":                                     {plural: "ingresses", namespaced: namespaced},
	"networking.k8s.io/v1:IngressClass":                                {plural: "ingressclasses", namespaced: clusterWide},
	"rbac.authorization.k8s.io/v1:Role":                                {plural: "roles", namespaced: namespaced},
	"rbac.authorization.k8s.io/v1:RoleBinding":                         {plural: "rolebindings", namespaced: namespaced},
	"rbac.authorization.k8s.io/v1:ClusterRole":                         {plural: "clusterroles", namespaced: clusterWide},
	"rbac.authorization.k8s.io/v1:ClusterRoleBinding":                  {plural: "clusterrolebindings", namespaced: clusterWide},
	"admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy":        {plural: "validatingadmissionpolicies", namespaced: clusterWide},
	"admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding": {plural: "validatingadmissionpolicybindings", namespaced: clusterWide},
}

// patchable kinds also have a *Patch type.
var patchable = map[string]bool{"core/v1:ServiceAccount": true, "core/v1:ConfigMap": true, "core/v1:Namespace": true}

const releaseToken = "kubernetes:helm.sh/v3:Release"

// kindOf resolves a type token, "kubernetes:apps/v1:Deployment".
func kindOf(token string) (kind, bool) {
	if token == releaseToken {
		return kind{release: true}, true
	}
	name, ok := strings.CutPrefix(token, "kubernetes:")
	if !ok {
		return kind{}, false
	}
	if found, ok := known[name]; ok {
		found.gvk = gvkOf(name)
		return found, true
	}
	target, isPatch := strings.CutSuffix(name, "Patch")
	if found, ok := known[target]; ok && isPatch && patchable[target] {
		found.gvk, found.patch = gvkOf(target), true
		return found, true
	}
	return kind{}, false
}

func gvkOf(name string) schema.GroupVersionKind {
	groupVersion, kindName, _ := strings.Cut(name, ":")
	group, version, _ := strings.Cut(groupVersion, "/")
	if group == "core" {
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: kindName}
}

func (k kind) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.gvk.Group, Version: k.gvk.Version, Resource: k.plural}
}
