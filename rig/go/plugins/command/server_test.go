package command

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/ssh"

	"platform.rig/plugins/pluginkit"
)

// sshServer is a host in this process: it echoes stdin, fails on "fail", hangs on "hang", and serves SFTP.
type sshServer struct {
	address   *net.TCPAddr
	hostKey   string
	userKey   string
	sessions  atomic.Int32
	attempts  atomic.Int32 // authentications tried
	hanging   chan struct{}
	cutOff    chan struct{}
	variables chan string
}

func newServer(t *testing.T) *sshServer {
	t.Helper()
	hostPublic, host := newKey(t)
	userPublic, user := newKey(t)
	block, err := ssh.MarshalPrivateKey(user, "")
	if err != nil {
		t.Fatal(err)
	}
	server := &sshServer{
		hostKey: string(ssh.MarshalAuthorizedKey(hostPublic)), userKey: string(pem.EncodeToMemory(block)),
		hanging: make(chan struct{}, 1), cutOff: make(chan struct{}, 1), variables: make(chan string, 4),
	}
	signer, err := ssh.NewSignerFromKey(host)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		server.attempts.Add(1)
		if string(key.Marshal()) != string(userPublic.Marshal()) {
			return nil, io.EOF
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	server.address = listener.Addr().(*net.TCPAddr)
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			go server.serve(socket, config)
		}
	}()
	return server
}

func newKey(t *testing.T) (ssh.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, private
}

func (s *sshServer) serve(socket net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(socket, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		s.sessions.Add(1)
		go s.session(channel, requests)
	}
}

func (s *sshServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	for request := range requests {
		switch request.Type {
		case "subsystem":
			_ = request.Reply(true, nil)
			files, err := sftp.NewServer(channel)
			if err == nil {
				_ = files.Serve()
			}
			channel.Close()
			return
		case "env":
			var pair struct{ Name, Value string }
			_ = ssh.Unmarshal(request.Payload, &pair)
			s.variables <- pair.Name + "=" + pair.Value
			_ = request.Reply(true, nil)
		case "exec":
			var command struct{ Line string }
			_ = ssh.Unmarshal(request.Payload, &command)
			_ = request.Reply(true, nil)
			go s.execute(channel, command.Line)
		}
	}
	select {
	case s.cutOff <- struct{}{}:
	default:
	}
}

func (s *sshServer) execute(channel ssh.Channel, line string) {
	if line == "hang" {
		s.hanging <- struct{}{}
		return
	}
	stdin, _ := io.ReadAll(channel)
	_, _ = io.WriteString(channel, "ran "+line+"\n"+string(stdin)+"\n")
	_, _ = io.WriteString(channel.Stderr(), "warned\n")
	status := struct{ Code uint32 }{}
	if line == "fail" {
		status.Code = 3
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
	channel.Close()
}

// inputs are those of a Command on this server, with changes.
func (s *sshServer) inputs(connection, changes map[string]any) resource.PropertyMap {
	details := map[string]any{
		"host": "127.0.0.1", "port": float64(s.address.Port), "user": "root", "hostKey": s.hostKey,
		"privateKey": s.userKey, "dialErrorLimit": 0.0, "perDialTimeout": 5.0,
	}
	for key, value := range connection {
		details[key] = value
	}
	inputs := resource.NewPropertyMapFromMap(changes)
	inputs["connection"] = resource.MakeSecret(resource.NewObjectProperty(resource.NewPropertyMapFromMap(details)))
	return pluginkit.WithoutNulls(inputs)
}
