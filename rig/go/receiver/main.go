// Command receiver takes what a platform tells people: webhooks by HTTPS, and mail by SMTP that asks for STARTTLS and
// a login. It writes one line of JSON for each thing that came, also for those it refused.
//
//	receiver DIRECTORY HTTPS-ADDRESS SMTP-ADDRESS
//
// DIRECTORY holds public.crt and private.key, read for every connection; receiver.json with token, username and
// password; `answer`, a status for webhooks in place of 200, when there is that file; and received.jsonl, written here.
package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// receiver is what both protocols share.
type receiver struct {
	directory                 string
	Token, Username, Password string
	writing                   sync.Mutex
}

// entry is one line of received.jsonl.
type entry struct {
	At      string `json:"at"`
	Kind    string `json:"kind"` // "webhook" or "mail"
	Refused string `json:"refused,omitempty"`
	// Of a webhook: the last part of its path, and its body.
	To   string          `json:"to,omitempty"`
	Body json.RawMessage `json:"body,omitempty"`
	// Of a mail.
	From       string   `json:"from,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	Text       string   `json:"text,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: receiver DIRECTORY HTTPS-ADDRESS SMTP-ADDRESS")
	}
	r, err := open(args[0])
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", args[1])
	if err != nil {
		return err
	}
	mail, err := net.Listen("tcp", args[2])
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- r.serveWebhooks(web) }()
	go func() { failed <- r.serveMail(mail) }()
	fmt.Fprintln(os.Stderr, "receiver: ready")
	return <-failed
}

func open(directory string) (*receiver, error) {
	content, err := os.ReadFile(filepath.Join(directory, "receiver.json"))
	if err != nil {
		return nil, err
	}
	r := &receiver{directory: directory}
	if err := json.Unmarshal(content, r); err != nil {
		return nil, err
	}
	if r.Token == "" || r.Username == "" || r.Password == "" {
		return nil, errors.New("receiver.json: token, username and password have to be there")
	}
	return r, nil
}

// tls reads the certificate anew for every connection, because it may be replaced while we run.
func (r *receiver) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(filepath.Join(r.directory, "public.crt"), filepath.Join(r.directory, "private.key"))
		return &pair, err
	}}
}

func (r *receiver) record(e entry) error {
	e.At = time.Now().UTC().Format(time.RFC3339Nano)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	file, err := os.OpenFile(filepath.Join(r.directory, "received.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(append(line, '\n'))
	return err
}

// answer is the status that webhooks get.
func (r *receiver) answer() int {
	content, err := os.ReadFile(filepath.Join(r.directory, "answer"))
	if err != nil {
		return 200
	}
	status, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 500
	}
	return status
}
