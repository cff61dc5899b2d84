package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// job is one command line on the host.
type job struct {
	script, stdin string
	environment   map[string]string
	log           func(stream, line string)
	warn          func(message string)
}

// runJob returns stdout and stderr without their last newline. The error text holds the command and
// its output, as the official plugin's does: that is why the program sends secrets on stdin.
func runJob(ctx context.Context, client *ssh.Client, j job) (string, string, error) {
	session, err := client.NewSession()
	if err != nil {
		return "", "", err
	}
	defer session.Close()
	for name, value := range j.environment {
		if err := session.Setenv(name, value); err != nil {
			j.warn(fmt.Sprintf("Unable to set '%s': sshd accepts only variables that its AcceptEnv names", name))
		}
	}
	if j.stdin != "" {
		session.Stdin = strings.NewReader(j.stdin)
	}
	var both, stdout, stderr bytes.Buffer
	shared := &lockedWriter{to: &both}
	outLines, errLines := &lineWriter{stream: "stdout", emit: j.log}, &lineWriter{stream: "stderr", emit: j.log}
	session.Stdout = io.MultiWriter(&stdout, shared, outLines)
	session.Stderr = io.MultiWriter(&stderr, shared, errLines)
	err = session.Run(j.script)
	outLines.flush()
	errLines.flush()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("%w (%v)", cause, err)
	}
	if err != nil {
		return "", "", fmt.Errorf("%w: running %q:\n%s", err, j.script, both.String())
	}
	return strings.TrimSuffix(stdout.String(), "\n"), strings.TrimSuffix(stderr.String(), "\n"), nil
}

// lockedWriter lets the two streams, which arrive concurrently, share one buffer.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(data)
}

// lineWriter emits whole lines of one stream.
type lineWriter struct {
	stream  string
	emit    func(stream, line string)
	pending []byte
}

func (w *lineWriter) Write(data []byte) (int, error) {
	w.pending = append(w.pending, data...)
	for {
		end := bytes.IndexByte(w.pending, '\n')
		if end < 0 {
			return len(data), nil
		}
		w.emit(w.stream, string(w.pending[:end]))
		w.pending = w.pending[end+1:]
	}
}

func (w *lineWriter) flush() {
	if len(w.pending) > 0 {
		w.emit(w.stream, string(w.pending))
		w.pending = nil
	}
}
