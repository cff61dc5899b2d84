package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"platform.rig/plugins/pluginkit"
)

const (
	defaultDialErrorLimit  = 10
	defaultDialTimeout     = 15 // seconds
	pauseBetweenDials      = time.Second
	agentSocketEnvironment = "SSH_AUTH_SOCK"
)

type connection struct {
	host, user, hostKey                      string
	privateKey, privateKeyPassword, password string
	agentSocket                              string
	port, dialErrorLimit                     int
	perDialTimeout                           time.Duration
}

func readConnection(props resource.PropertyMap) connection {
	c := connection{
		host:               pluginkit.Text(props, "host"),
		user:               pluginkit.Text(props, "user"),
		hostKey:            pluginkit.Text(props, "hostKey"),
		privateKey:         pluginkit.Text(props, "privateKey"),
		privateKeyPassword: pluginkit.Text(props, "privateKeyPassword"),
		password:           pluginkit.Text(props, "password"),
		agentSocket:        pluginkit.Text(props, "agentSocketPath"),
		port:               pluginkit.Integer(props, "port", 22),
		dialErrorLimit:     pluginkit.Integer(props, "dialErrorLimit", defaultDialErrorLimit),
		perDialTimeout:     time.Duration(pluginkit.Integer(props, "perDialTimeout", defaultDialTimeout)) * time.Second,
	}
	if c.user == "" {
		c.user = "root"
	}
	if c.agentSocket == "" {
		c.agentSocket = os.Getenv(agentSocketEnvironment)
	}
	return c
}

func (c connection) address() string { return net.JoinHostPort(c.host, strconv.Itoa(c.port)) }

// hostKeyError is final: dialling again would meet the same key.
type hostKeyError struct{ message string }

func (e *hostKeyError) Error() string { return e.message }

// clientConfig asks the server for a key of the pin's type only, so that a second key of the host cannot be offered instead.
func (c connection) clientConfig() (*ssh.ClientConfig, func(), error) {
	if c.hostKey == "" {
		return nil, nil, &hostKeyError{"connection.hostKey: missing; the rig refuses hosts whose key is not pinned"}
	}
	pin, _, _, _, err := ssh.ParseAuthorizedKey([]byte(c.hostKey))
	if err != nil {
		return nil, nil, &hostKeyError{fmt.Sprintf("connection.hostKey: failed to parse host key: %v; give it as \"ssh-ed25519 AAAA…\"", err)}
	}
	methods, closeAgent, err := c.authMethods()
	if err != nil {
		return nil, nil, err
	}
	return &ssh.ClientConfig{
		User:              c.user,
		Auth:              methods,
		HostKeyAlgorithms: []string{pin.Type()},
		HostKeyCallback:   c.verify(pin),
		Timeout:           c.perDialTimeout,
	}, closeAgent, nil
}

func (c connection) verify(pin ssh.PublicKey) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, offered ssh.PublicKey) error {
		if bytes.Equal(offered.Marshal(), pin.Marshal()) {
			return nil
		}
		return &hostKeyError{fmt.Sprintf("host key mismatch: %s offers %s, pinned is %s; nothing was sent. If the host was rebuilt on purpose, change the pin",
			c.address(), ssh.FingerprintSHA256(offered), ssh.FingerprintSHA256(pin))}
	}
}

// authMethods: key before password before agent, as the official plugin.
func (c connection) authMethods() ([]ssh.AuthMethod, func(), error) {
	var methods []ssh.AuthMethod
	if c.privateKey != "" {
		signer, err := c.signer()
		if err != nil {
			return nil, nil, fmt.Errorf("connection.privateKey: %w", err)
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if c.password != "" {
		methods = append(methods, ssh.Password(c.password))
	}
	closeAgent := func() {}
	if c.agentSocket != "" {
		socket, err := net.Dial("unix", c.agentSocket)
		if err != nil {
			return nil, nil, fmt.Errorf("connection.agentSocketPath %s: %w", c.agentSocket, err)
		}
		closeAgent = func() { socket.Close() }
		methods = append(methods, ssh.PublicKeysCallback(agent.NewClient(socket).Signers))
	}
	return methods, closeAgent, nil
}

func (c connection) signer() (ssh.Signer, error) {
	if c.privateKeyPassword != "" {
		return ssh.ParsePrivateKeyWithPassphrase([]byte(c.privateKey), []byte(c.privateKeyPassword))
	}
	return ssh.ParsePrivateKey([]byte(c.privateKey))
}

// dial retries until dialErrorLimit errors (-1: for ever), the deadline or a wrong host key. The client closes when ctx ends.
func dial(ctx context.Context, c connection) (*ssh.Client, error) {
	config, closeAgent, err := c.clientConfig()
	if err != nil {
		return nil, err
	}
	defer closeAgent()
	for failures := 1; ; failures++ {
		client, err := dialOnce(ctx, c, config)
		if err == nil {
			context.AfterFunc(ctx, func() { client.Close() })
			return client, nil
		}
		var wrongKey *hostKeyError
		if errors.As(err, &wrongKey) {
			return nil, wrongKey
		}
		if c.dialErrorLimit >= 0 && failures > c.dialErrorLimit {
			return nil, fmt.Errorf("%s: after %d dial errors: %w", c.address(), failures, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w; last error: %v", c.address(), context.Cause(ctx), err)
		case <-time.After(pauseBetweenDials):
		}
	}
}

func dialOnce(ctx context.Context, c connection, config *ssh.ClientConfig) (*ssh.Client, error) {
	dialer := net.Dialer{Timeout: c.perDialTimeout}
	socket, err := dialer.DialContext(ctx, "tcp", c.address())
	if err != nil {
		return nil, err
	}
	// The handshake gets the same limit: a server that accepts and stays silent must not hold the run.
	if c.perDialTimeout > 0 {
		_ = socket.SetDeadline(time.Now().Add(c.perDialTimeout))
	}
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	defer stop()
	conn, channels, requests, err := ssh.NewClientConn(socket, c.address(), config)
	if err != nil {
		socket.Close()
		return nil, err
	}
	_ = socket.SetDeadline(time.Time{})
	return ssh.NewClient(conn, channels, requests), nil
}
