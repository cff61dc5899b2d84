package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// ownUser is how this program asks for metrics and snapshots; ACL LIST shows it too.
const ownUser = "stand-in"

func newPassword() string { return rand.Text() }

func ownLine(password string) string {
	sum := sha256.Sum256([]byte(password))
	return fmt.Sprintf("user %s on #%s resetkeys resetchannels -@all +info +bgsave +config|get", ownUser, hex.EncodeToString(sum[:]))
}

// users is where Valkey reads its users from. With an ACL file that is a copy in memory, because the file may lie
// in a read-only mount and our own user joins it; it follows the file, so that ACL LOAD finds the newest.
type users struct {
	lines   []string // for the configuration
	files   []*os.File
	source  string
	own     string
	written string
}

func (s settings) users(password string) (*users, error) {
	if s.aclFile == "" {
		return &users{lines: []string{ownLine(password)}}, nil
	}
	name := []byte("users\x00")
	descriptor, _, problem := syscall.Syscall(syscallMemfdCreate, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if problem != 0 {
		return nil, fmt.Errorf("memfd_create: %w", problem)
	}
	u := &users{
		lines: []string{"aclfile /proc/self/fd/3"}, // the first of ExtraFiles
		files: []*os.File{os.NewFile(descriptor, "users")}, source: s.aclFile, own: ownLine(password),
	}
	return u, u.refresh()
}

// syscallMemfdCreate is the number on amd64, the only architecture of these images.
const syscallMemfdCreate = 319

func (u *users) close() {
	for _, file := range u.files {
		_ = file.Close()
	}
}

func (u *users) refresh() error {
	content, err := os.ReadFile(u.source)
	if err != nil {
		return fmt.Errorf("--aclfile: %w", err)
	}
	translated, err := translateUsers(string(content))
	if err != nil {
		return fmt.Errorf("--aclfile %s: %w", u.source, err)
	}
	translated += u.own + "\n"
	if translated == u.written {
		return nil
	}
	if err := u.files[0].Truncate(0); err != nil {
		return err
	}
	_, err = u.files[0].WriteAt([]byte(translated), 0)
	u.written = translated
	return err
}

func (u *users) follow(done context.Context) {
	for u.source != "" && done.Err() == nil {
		time.Sleep(time.Second)
		if err := u.refresh(); err != nil {
			say("W", err.Error())
		}
	}
}

// translateUsers takes lines as Dragonfly writes them. What Valkey knows and Dragonfly does not is refused.
func translateUsers(content string) (string, error) {
	var out strings.Builder
	var named bool
	lines := bufio.NewScanner(strings.NewReader(content))
	for number := 1; lines.Scan(); number++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 4 || !strings.EqualFold(words[0], "user") || words[1] == ownUser {
			return "", fmt.Errorf("line %d: want USER name and at least two rules", number)
		}
		// Who is not logged in yet has the rights of "default": without a line it has all, and without AUTH nobody gets in.
		if words[1] == "default" && !slices.ContainsFunc(words[2:], grantsAuth) {
			return "", fmt.Errorf("line %d: the default user may not AUTH, so nobody could log in", number)
		}
		named = named || words[1] == "default"
		for i, word := range words {
			command := strings.HasPrefix(word, "+") || strings.HasPrefix(word, "-")
			if i > 1 && (strings.HasPrefix(word, "(") || command && strings.Contains(word, "|") && !strings.HasPrefix(strings.ToLower(word[1:]), "acl|")) {
				return "", fmt.Errorf("line %d: Dragonfly has no selectors, and subcommands of ACL alone", number)
			}
			if i != 1 && !strings.ContainsAny(word[:1], ">#~%&<") {
				words[i] = strings.ToLower(word)
			}
		}
		out.WriteString(strings.Join(words, " ") + "\n")
	}
	if !named {
		return "", errors.New("no line for the user default, which would then be everybody, with all rights")
	}
	return out.String(), lines.Err()
}

func grantsAuth(rule string) bool {
	return slices.Contains([]string{"+auth", "+@all", "+@connection", "+@fast"}, strings.ToLower(rule))
}
