package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// settings are raw values by key, as the files and the command line gave them.
type settings map[string][]string

// loadConfig merges the config file, its drop-ins and the command line.
func loadConfig(argv []string) (*config, error) {
	if err := checkEnvironment(os.Environ()); err != nil {
		return nil, err
	}
	cli, file, err := parseFlags(argv)
	if err != nil {
		return nil, err
	}
	merged, err := readFiles(file)
	if err != nil {
		return nil, err
	}
	for name, values := range cli {
		merged[name] = values
	}
	return newConfig(merged)
}

// checkEnvironment refuses k3s' variables that would go unheard here.
func checkEnvironment(environment []string) error {
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "K3S_") && name != "K3S_CONFIG_FILE" && name != "K3S_TOKEN" {
			return fmt.Errorf("the k3s stand-in does not implement the variable %s; use the config file", name)
		}
	}
	return nil
}

// configFile is where settings come from when no flag says otherwise.
func configFile() string {
	if file := os.Getenv("K3S_CONFIG_FILE"); file != "" {
		return file
	}
	return defaultConfigFile
}

// parseFlags reads `--name=value`, `--name value` and boolean `--name`.
func parseFlags(argv []string) (settings, string, error) {
	out, file := settings{}, configFile()
	for i := 0; i < len(argv); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(argv[i], "-"), "=")
		isConfig := name == "config" || name == "c"
		if !strings.HasPrefix(argv[i], "-") {
			return nil, "", fmt.Errorf("unexpected argument %q", argv[i])
		}
		if !isConfig {
			if err := known(name); err != nil {
				return nil, "", err
			}
		}
		if !given && !isConfig && keys[name] == boolean {
			value, given = "true", true
		}
		if !given {
			if i++; i >= len(argv) {
				return nil, "", fmt.Errorf("flag needs an argument: --%s", name)
			}
			value = argv[i]
		}
		if isConfig {
			file = value
		} else {
			out[name] = append(out[name], value)
		}
	}
	return out, file, nil
}

// readFiles reads the file (which may be absent) and `<file>.d/*.yaml` in
// alphabetical order. The last value of a key wins; `key+` appends.
func readFiles(file string) (settings, error) {
	dropins, err := filepath.Glob(file + ".d/*.yaml")
	if err != nil {
		return nil, err
	}
	sort.Strings(dropins)
	out := settings{}
	for _, path := range append([]string{file}, dropins...) {
		body, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := out.add(body); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return out, nil
}

func (s settings) add(body []byte) error {
	var values map[string]any
	if err := yaml.UnmarshalStrict(body, &values); err != nil {
		return err
	}
	for key, value := range values {
		name := strings.TrimSuffix(key, "+")
		if err := known(name); err != nil {
			return err
		}
		texts, err := toTexts(name, value)
		if err != nil {
			return err
		}
		if key != name {
			texts = append(slices.Clone(s[name]), texts...)
		}
		s[name] = texts
	}
	return nil
}

func toTexts(name string, value any) ([]string, error) {
	items, isList := value.([]any)
	if !isList {
		items = []any{value}
	}
	if isList && keys[name] != list {
		return nil, fmt.Errorf("key %q takes one value, not a list", name)
	}
	var out []string
	for _, item := range items {
		switch item := item.(type) {
		case string:
			out = append(out, item)
		case bool:
			out = append(out, strconv.FormatBool(item))
		case float64, int64:
			out = append(out, fmt.Sprint(item))
		default:
			return nil, fmt.Errorf("key %q has a value of an unsupported type %T", name, item)
		}
	}
	return out, nil
}

// known refuses keys that k3s does not have with k3s' own words, and keys
// that the stand-in lacks with an explanation.
func known(name string) error {
	switch kind, exists := keys[name]; {
	case !exists:
		return fmt.Errorf("flag provided but not defined: -%s", name)
	case kind == unimplemented:
		return fmt.Errorf("the k3s stand-in does not implement %q; remove it from the config or use the real k3s", name)
	}
	return nil
}
