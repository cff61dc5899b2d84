package main

import (
	"fmt"
	"slices"
	"strings"
)

// kinds of the flags that are translated, by name. Everything else is refused.
var known = map[string]string{
	"logtostderr": "bool", "proactor_threads": "text", "maxmemory": "text", "cache_mode": "bool",
	"dir": "text", "dbfilename": "text", "snapshot_cron": "text", "force_epoll": "bool", "version_check": "bool",
	"primary_port_http_enabled": "bool", "admin_port": "text", "admin_nopass": "bool", "no_tls_on_admin_port": "bool",
	"tls": "bool", "tls_cert_file": "text", "tls_key_file": "text", "tls_ca_cert_file": "text",
	"aclfile": "text", "requirepass": "text", "default_lua_flags": "text", "port": "text", "bind": "text",
	"dbnum": "text", "maxclients": "text",
}

// readFlags takes flags as Dragonfly does: --name=value, --name value, --name and --noname of switches, and
// DFLY_name=value from the environment, where DFLY_PASSWORD is requirepass. Values are never repeated in errors.
func readFlags(args, environment []string) (map[string]string, error) {
	flags := map[string]string{}
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		name, found := strings.CutPrefix(name, "DFLY_")
		if !found {
			continue
		}
		if name == "PASSWORD" {
			name = "requirepass"
		}
		if known[name] == "" {
			return nil, fmt.Errorf("environment variable DFLY_%s is no flag that is translated here: %s", name, listed())
		}
		flags[name] = value
	}
	for i := 0; i < len(args); i++ {
		text, found := strings.CutPrefix(args[i], "--")
		if !found {
			return nil, fmt.Errorf("argument %d is no --flag", i+1)
		}
		name, value, given := strings.Cut(text, "=")
		switch bare := strings.TrimPrefix(name, "no"); {
		case known[name] == "bool" && !given:
			value = "true"
		case known[name] == "" && known[bare] == "bool" && !given:
			name, value = bare, "false"
		case known[name] == "":
			return nil, fmt.Errorf("unknown flag --%s: translated are %s", name, listed())
		case !given && i+1 < len(args):
			i++
			value = args[i]
		case !given:
			return nil, fmt.Errorf("flag --%s has no value", name)
		}
		if known[name] == "bool" && value != "true" && value != "false" {
			return nil, fmt.Errorf("flag --%s: want true or false", name)
		}
		flags[name] = value
	}
	return flags, nil
}

func listed() string {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
