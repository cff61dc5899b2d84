package main

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// images that the image archives of the rig carry; nothing else can be pulled.
var bundledImages = []string{
	"docker.io/rancher/mirrored-pause:3.6", "docker.io/rancher/mirrored-coredns-coredns:1.14.7",
	"docker.io/rancher/mirrored-metrics-server:v0.9.0", "docker.io/rancher/local-path-provisioner:v0.0.30",
	"docker.io/rancher/mirrored-library-busybox:1.37.0",
}

func TestPackagedManifests(t *testing.T) {
	a := &cluster{config: &config{
		nodeName: "vps-1", nodeIP: netip.MustParseAddr("192.0.2.7"),
		serviceCIDR: netip.MustParsePrefix("10.43.0.0/16"), localStoragePath: "/srv/data",
	}}
	reference := regexp.MustCompile(`image: (\S+)`)
	for name, file := range addonFiles {
		body, err := manifests.ReadFile("manifests/" + file)
		if err != nil {
			t.Fatal(err)
		}
		text := a.render(body)
		if strings.Contains(text, "%{") {
			t.Errorf("%s: a placeholder is left", name)
		}
		for _, document := range strings.Split(text, "\n---\n") {
			var object map[string]any
			if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil || object["kind"] == nil {
				t.Errorf("%s: %v in\n%s", name, err, document)
			}
		}
		found := reference.FindAllStringSubmatch(text, -1)
		if len(found) == 0 || len(found) != strings.Count(text, "imagePullPolicy: IfNotPresent") {
			t.Errorf("%s: %d images, not all with IfNotPresent", name, len(found))
		}
		for _, match := range found {
			if !slices.Contains(bundledImages, match[1]) {
				t.Errorf("%s: image %s is in no archive", name, match[1])
			}
		}
	}
	if !slices.Contains(bundledImages, pauseImage) {
		t.Errorf("image %s is in no archive", pauseImage)
	}
	body, _ := manifests.ReadFile("manifests/coredns.yaml")
	if text := a.render(body); !strings.Contains(text, `clusterIP: "10.43.0.10"`) || !strings.Contains(text, "192.0.2.7 vps-1") {
		t.Error("the cluster's DNS address or the node's name is missing")
	}
}
