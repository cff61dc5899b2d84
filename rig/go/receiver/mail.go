package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

func (r *receiver) serveMail(listener net.Listener) error {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			_ = connection.SetDeadline(time.Now().Add(time.Minute))
			(&session{receiver: r, connection: connection, reader: bufio.NewReader(connection)}).talk()
		}()
	}
}

// session is one SMTP connection. Before STARTTLS nothing but greetings is taken, before a login no mail.
type session struct {
	*receiver
	connection          net.Conn
	reader              *bufio.Reader
	encrypted, loggedIn bool
	from                string
	recipients          []string
}

func (s *session) say(format string, values ...any) {
	fmt.Fprintf(s.connection, format+"\r\n", values...)
}

func (s *session) line() (string, error) {
	text, err := s.reader.ReadString('\n')
	return strings.TrimRight(text, "\r\n"), err
}

func (s *session) talk() {
	s.say("220 receiver of the rig")
	for {
		text, err := s.line()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(text, " ")
		switch verb = strings.ToUpper(verb); {
		case verb == "EHLO":
			s.greet()
		case verb == "QUIT":
			s.say("221 bye")
			return
		case verb == "*": // a client gives a login up
			s.say("501 cancelled")
		case verb == "NOOP" || verb == "RSET":
			s.from, s.recipients = "", nil
			s.say("250 ok")
		case verb == "STARTTLS" && !s.encrypted:
			s.say("220 go on")
			secured := tls.Server(s.connection, s.tls())
			s.connection, s.reader, s.encrypted = secured, bufio.NewReader(secured), true
		case !s.encrypted:
			s.refuse("530 STARTTLS first", "no STARTTLS")
		case verb == "AUTH":
			s.logIn(rest)
		case !s.loggedIn:
			s.refuse("530 log in first", "no login")
		case verb == "MAIL" && strings.HasPrefix(strings.ToUpper(rest), "FROM:"):
			s.from = address(rest[5:])
			s.say("250 ok")
		case verb == "RCPT" && strings.HasPrefix(strings.ToUpper(rest), "TO:"):
			s.recipients = append(s.recipients, address(rest[3:]))
			s.say("250 ok")
		case verb == "DATA" && len(s.recipients) > 0:
			s.data()
		default:
			s.say("502 unknown here: %q", verb)
		}
	}
}

func (s *session) greet() {
	if s.encrypted {
		s.say("250-receiver\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")
	} else {
		s.say("250-receiver\r\n250 STARTTLS")
	}
}

func (s *session) refuse(answer, why string) {
	_ = s.record(entry{Kind: "mail", Refused: why})
	s.say("%s", answer)
}

func (s *session) logIn(method string) {
	name, initial, _ := strings.Cut(method, " ")
	var username, password string
	switch strings.ToUpper(name) {
	case "PLAIN":
		parts := strings.Split(s.decoded(initial, ""), "\x00")
		if len(parts) == 3 {
			username, password = parts[1], parts[2]
		}
	case "LOGIN":
		username, password = s.decoded(initial, "Username:"), s.decoded("", "Password:")
	default:
		s.say("504 unknown mechanism")
		return
	}
	if s.loggedIn = username == s.Username && password == s.Password; s.loggedIn {
		s.say("235 welcome")
	} else {
		s.refuse("535 wrong username or password", "login")
	}
}

// decoded is the text that was sent along, or what comes after asking for it.
func (s *session) decoded(sent, question string) string {
	if sent == "" {
		s.say("334 %s", base64.StdEncoding.EncodeToString([]byte(question)))
		sent, _ = s.line()
	}
	text, _ := base64.StdEncoding.DecodeString(sent)
	return string(text)
}

func (s *session) data() {
	s.say("354 end with a dot")
	var text strings.Builder
	for {
		line, err := s.line()
		if err != nil {
			return
		}
		if line == "." {
			break
		}
		if text.Len() < 1<<20 {
			_, _ = io.WriteString(&text, strings.TrimPrefix(line, ".")+"\n")
		}
	}
	if err := s.record(entry{Kind: "mail", From: s.from, Recipients: s.recipients, Text: text.String()}); err != nil {
		s.say("451 not written")
		return
	}
	s.from, s.recipients = "", nil
	s.say("250 taken")
}

// address is what stands between < and >.
func address(text string) string {
	_, text, _ = strings.Cut(text, "<")
	text, _, _ = strings.Cut(text, ">")
	return text
}
