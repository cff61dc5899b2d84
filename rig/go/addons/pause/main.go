// Command pause holds a pod's namespaces open and does nothing else: it reaps what is orphaned to it
// when a pod shares its process namespace, and ends at the first SIGINT or SIGTERM.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintf(os.Stderr, "pause: takes no arguments, got %q\n", os.Args[1:])
		os.Exit(64)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for pid := 1; pid > 0; { // one signal may stand for several children
			pid, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		}
	}
}
