// Command dragonfly stands in for Dragonfly, which no package registry carries: it translates the flags that
// the platform uses and runs Valkey, which it says in its log. A flag or DFLY_* variable that it does not
// translate ends it, as an unknown one ends Dragonfly.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// server is Valkey, out of PATH so that nothing relies on its names.
const server = "/usr/local/lib/stand-in/valkey-server"

func main() {
	runtime.LockOSThread() // the death signal of the child is bound to the thread that started it
	if err := run(os.Args[1:], os.Environ()); err != nil {
		say("E", err.Error())
		code := 1
		if ended := new(exec.ExitError); errors.As(err, &ended) && ended.ExitCode() > 0 {
			code = ended.ExitCode()
		}
		os.Exit(code)
	}
}

func say(level, text string) { fmt.Fprintf(os.Stderr, "%s dragonfly: %s\n", level, text) }

func run(args, environment []string) error {
	flags, err := readFlags(args, environment)
	if err != nil {
		return err
	}
	settings, err := check(flags)
	if err != nil {
		return err
	}
	say("W", "this is Valkey under Dragonfly's name, a stand-in for tests: flags are translated, behaviour is Valkey's")
	if settings.luaFlags != "" {
		say("W", "--default_lua_flags="+settings.luaFlags+" changes nothing: Valkey always allows undeclared keys")
	}
	return settings.serve()
}

// serve runs Valkey until it ends; SIGTERM and SIGINT are passed on to it.
func (s settings) serve() error {
	password := newPassword()
	users, err := s.users(password)
	if err != nil {
		return err
	}
	defer users.close()
	command := exec.Command(server, "-")
	command.Stdin = strings.NewReader(s.valkeyConfig(users.lines))
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	command.ExtraFiles = users.files
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := command.Start(); err != nil {
		return err
	}
	done, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		for {
			select {
			case one := <-signals:
				_ = command.Process.Signal(one)
			case <-done.Done():
				return
			}
		}
	}()
	store := valkey{socket: s.socket(), password: password}
	go users.follow(done)
	go s.snapshots(done, store)
	failed := make(chan error, 1)
	go func() {
		if err := s.admin(store); err != nil {
			failed <- err
			_ = command.Process.Signal(syscall.SIGTERM)
		}
	}()
	err = command.Wait()
	select {
	case problem := <-failed:
		return problem
	default:
		return err
	}
}
