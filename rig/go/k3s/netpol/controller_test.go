package netpol

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

func TestRunFollowsTheCluster(t *testing.T) {
	state, _ := model()
	var objects []runtime.Object
	for _, pod := range state.Pods {
		objects = append(objects, pod)
	}
	for _, namespace := range state.Namespaces {
		objects = append(objects, namespace)
	}
	client := fake.NewClientset(objects...)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	loaded := make(chan string, 16)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, client, "node", func(_ context.Context, rules io.Reader) error {
			body, err := io.ReadAll(rules)
			loaded <- string(body)
			return err
		})
	}()
	if rules := <-loaded; strings.Contains(rules, "goto") {
		t.Errorf("rules without a policy:\n%s", rules)
	}
	policy := policies(t, `spec: {podSelector: {}}`)[0]
	if _, err := client.NetworkingV1().NetworkPolicies("x").Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if rules := <-loaded; strings.Count(rules, "goto i-10.42.0.1") != 3 {
		t.Errorf("the new policy has no effect:\n%s", rules)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRunReportsRulesThatDoNotLoad(t *testing.T) {
	refused := errors.New("refused")
	err := Run(t.Context(), fake.NewClientset(), "node", func(context.Context, io.Reader) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}
