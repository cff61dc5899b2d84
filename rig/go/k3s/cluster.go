package main

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is the API server as the administrator sees it.
type cluster struct {
	client     kubernetes.Interface
	kubeconfig string
	config     *config
	supervisor *supervisor
	bin        string
}

func newCluster(kubeconfig string, c *config, s *supervisor, bin string) (*cluster, error) {
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	rest.QPS, rest.Burst = 50, 100
	client, err := kubernetes.NewForConfig(rest)
	return &cluster{client, kubeconfig, c, s, bin}, err
}

func (a *cluster) ready(ctx context.Context) error {
	body, err := a.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	if err == nil && string(body) != "ok" {
		err = fmt.Errorf("readyz says %q", body)
	}
	return err
}

// adoptNode gives this node its roles and, once it has an address range, its
// network. A role label is not a kubelet's to set (NodeRestriction).
func (a *cluster) adoptNode(ctx context.Context, p paths) error {
	nodes := a.client.CoreV1().Nodes()
	node, err := nodes.Get(ctx, a.config.nodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if node.Spec.PodCIDR == "" {
		return errors.New("the node has no pod address range yet")
	}
	if err := writeCNI(a.config, p, node.Spec.PodCIDR); err != nil {
		return err
	}
	member, err := memberName(a.config, p)
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"true","node-role.kubernetes.io/etcd":"true"},`+
		`"annotations":{"etcd.k3s.cattle.io/node-name":%q,"etcd.k3s.cattle.io/node-address":%q,"k3s.io/hostname":%q,"k3s.io/internal-ip":%q}}}`,
		member, a.config.nodeIP, a.config.nodeName, a.config.nodeIP)
	_, err = nodes.Patch(ctx, a.config.nodeName, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

const passwordFile = "/etc/rancher/node/password"

// checkNodePassword refuses a second machine under the same node name: the
// cluster keeps a hash of the first one's password.
func checkNodePassword(ctx context.Context, a *cluster, node string) error {
	body, err := os.ReadFile(passwordFile)
	if errors.Is(err, os.ErrNotExist) {
		body = []byte(randomHex(16))
		err = writeFile(passwordFile, body, 0o600)
	}
	if err != nil {
		return err
	}
	own := strings.TrimSpace(string(body))
	secrets := a.client.CoreV1().Secrets("kube-system")
	name := node + ".node-password.k3s"
	stored, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		immutable := true
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Immutable: &immutable,
			Data: map[string][]byte{"hash": []byte(hashPassword(own, randomHex(8)))},
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	salt, _, _ := strings.Cut(string(stored.Data["hash"]), ":")
	if subtle.ConstantTimeCompare([]byte(hashPassword(own, salt)), stored.Data["hash"]) != 1 {
		return fmt.Errorf("Node password rejected, duplicate hostname or contents of '%s' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag", passwordFile)
	}
	return nil
}

func hashPassword(secret, salt string) string {
	key, err := pbkdf2.Key(sha256.New, secret, []byte(salt), 100_000, 32)
	if err != nil {
		panic(err) // constant, valid parameters
	}
	return salt + ":" + hex.EncodeToString(key)
}
