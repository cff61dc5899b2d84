package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// started runs a receiver with a certificate for 127.0.0.1 and returns it, its addresses and a pool that trusts it.
func started(t *testing.T) (*receiver, string, string, *x509.CertPool) {
	t.Helper()
	directory := t.TempDir()
	pool := certify(t, directory)
	write(t, directory, "receiver.json", `{"token":"t0ken","username":"alerts","password":"pass"}`)
	r, err := open(directory)
	if err != nil {
		t.Fatal(err)
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mail, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.serveWebhooks(web) }()
	go func() { _ = r.serveMail(mail) }()
	t.Cleanup(func() { web.Close(); mail.Close() })
	return r, web.Addr().String(), mail.Addr().String(), pool
}

func write(t *testing.T, directory, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func certify(t *testing.T, directory string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, directory, "public.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, directory, "private.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}

func received(t *testing.T, r *receiver) []entry {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.directory, "received.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for line := range strings.Lines(string(content)) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.At == "" {
			t.Errorf("no time in %s", line)
		}
		e.At = ""
		entries = append(entries, e)
	}
	return entries
}

func TestWebhooks(t *testing.T) {
	r, address, _, pool := started(t)
	client := func(pool *x509.CertPool) *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	}
	send := func(path, body string) int {
		answer, err := client(pool).Post("https://"+address+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	write(t, r.directory, "answer", "503\n")
	statuses := []int{send("/t0ken/alerts", `{"n":1}`)}
	if err := os.Remove(filepath.Join(r.directory, "answer")); err != nil {
		t.Fatal(err)
	}
	statuses = append(statuses, send("/t0ken/alerts", `{"n":2}`), send("/wrong/alerts", `{}`), send("/t0ken/switch", `{`))
	if want := []int{503, 200, 404, 400}; !reflect.DeepEqual(statuses, want) {
		t.Errorf("statuses %v, want %v", statuses, want)
	}
	want := []entry{
		{Kind: "webhook", To: "alerts", Body: []byte(`{"n":1}`), Refused: "as asked"},
		{Kind: "webhook", To: "alerts", Body: []byte(`{"n":2}`)},
		{Kind: "webhook", Refused: "token"},
		{Kind: "webhook", To: "switch", Refused: "body"},
	}
	if got := received(t, r); !reflect.DeepEqual(got, want) {
		t.Errorf("received %+v, want %+v", got, want)
	}
	renewed := certify(t, r.directory)
	if _, err := client(renewed).Get("https://" + address); err != nil {
		t.Errorf("a new certificate is not taken up: %v", err)
	}
}

func TestMailIsTakenAfterALogin(t *testing.T) {
	r, _, address, pool := started(t)
	send := func(username, password string, encrypt bool) error {
		client, err := smtp.Dial(address)
		if err != nil {
			return err
		}
		defer client.Close()
		if encrypt {
			if err := client.StartTLS(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}); err != nil {
				return err
			}
			if err := client.Auth(smtp.PlainAuth("", username, password, "127.0.0.1")); err != nil {
				return err
			}
		}
		if err := client.Mail("a@x"); err != nil {
			return err
		}
		if err := client.Rcpt("b@y"); err != nil {
			return err
		}
		data, err := client.Data()
		if err != nil {
			return err
		}
		if _, err := data.Write([]byte("Subject: s\r\n\r\n.dot\r\n")); err != nil {
			return err
		}
		return data.Close()
	}
	if err := send("alerts", "pass", true); err != nil {
		t.Errorf("a right mail was refused: %v", err)
	}
	if err := send("alerts", "other", true); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("a wrong password: %v, want 535", err)
	}
	if err := send("", "", false); err == nil || !strings.Contains(err.Error(), "530") {
		t.Errorf("without STARTTLS: %v, want 530", err)
	}
	want := []entry{
		{Kind: "mail", From: "a@x", Recipients: []string{"b@y"}, Text: "Subject: s\n\n.dot\n"},
		{Kind: "mail", Refused: "login"},
		{Kind: "mail", Refused: "no STARTTLS"},
	}
	if got := received(t, r); !reflect.DeepEqual(got, want) {
		t.Errorf("received %+v, want %+v", got, want)
	}
}
