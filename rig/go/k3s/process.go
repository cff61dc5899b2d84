package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// supervisor runs the components as children. They end with this process: by
// SIGTERM on an orderly stop, and at once by the kernel's parent-death signal
// when it is killed, so that the next start finds their ports free. Whoever a
// child starts in a session of its own (the containerd shims) lives on, so
// pods survive a restart.
type supervisor struct {
	env      []string
	starts   chan start
	failed   chan error
	mutex    sync.Mutex
	children []*child
	stopping bool
}

type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

type start struct {
	cmd    *exec.Cmd
	result chan error
}

func newSupervisor(env []string) *supervisor {
	s := &supervisor{env: env, starts: make(chan start), failed: make(chan error, 16)}
	go s.startLoop()
	return s
}

// startLoop owns one thread for ever: the parent-death signal fires when the
// thread that started a child ends, not when the process does.
func (s *supervisor) startLoop() {
	runtime.LockOSThread()
	for request := range s.starts {
		request.result <- request.cmd.Start()
	}
}

// run starts a component. Its unexpected end is reported on s.failed.
func (s *supervisor) run(name string, output io.Writer, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = s.env
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	request := start{cmd, make(chan error, 1)}
	logf("info", "Running %s", strings.Join(append([]string{name}, flags(argv)...), " "))
	s.starts <- request
	if err := <-request.result; err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	started := &child{name, cmd, make(chan struct{})}
	s.mutex.Lock()
	s.children = append(s.children, started)
	s.mutex.Unlock()
	go s.watch(started)
	return nil
}

// flags leaves out the program and a component's name.
func flags(argv []string) []string {
	if i := slices.IndexFunc(argv, func(arg string) bool { return strings.HasPrefix(arg, "-") }); i > 0 {
		return argv[i:]
	}
	return nil
}

func (s *supervisor) watch(c *child) {
	err := c.cmd.Wait()
	close(c.done)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.stopping {
		s.failed <- fmt.Errorf("%s exited: %v", c.name, err)
	}
}

// graceOf is how long each child may take to end. The API server would
// wait for its watchers for minutes, but it has nothing to save.
var graceOf = map[string]time.Duration{"kube-apiserver": 2 * time.Second, "etcd": 20 * time.Second}

// stop ends the children, the datastore after everything that uses it.
func (s *supervisor) stop() {
	s.mutex.Lock()
	s.stopping = true
	children := s.children
	s.mutex.Unlock()
	var others sync.WaitGroup
	for _, c := range children {
		if c.name != "etcd" {
			others.Go(c.end)
		}
	}
	others.Wait()
	for _, c := range children {
		if c.name == "etcd" {
			c.end()
		}
	}
}

func (c *child) end() {
	grace, given := graceOf[c.name]
	if !given {
		grace = 10 * time.Second
	}
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(grace):
		c.cmd.Process.Kill()
		<-c.done
		logf("info", "%s did not end within %s and was killed", c.name, grace)
	}
}

// output runs a short-lived tool and returns what it printed.
func (s *supervisor) output(ctx context.Context, input io.Reader, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin = s.env, input
	body, err := cmd.CombinedOutput()
	if err != nil {
		return string(body), fmt.Errorf("%s: %w: %s", strings.Join(argv[:min(len(argv), 4)], " "), err, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// eventually repeats probe until it succeeds, and names what it waited for
// when the deadline passes.
func eventually(ctx context.Context, what string, limit time.Duration, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not within %s", what, limit))
	defer cancel()
	for {
		attempt, end := context.WithTimeout(ctx, 20*time.Second)
		err := probe(attempt)
		end()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// logf writes one line as k3s does. Secrets never go here.
func logf(level, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n", time.Now().UTC().Format(time.RFC3339), level, fmt.Sprintf(format, args...))
}
