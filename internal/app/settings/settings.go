// Package settings keeps what a command was told in a YAML file, and reads such a file in place of flags. Its nouns are the File, a
// flag that names one, and, from kong, the command with its flags; a key is the name of a flag with underscores. Training has a
// configuration of its own, which its state depends on. The package stands beside the commands, as manual does.
package settings

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
)

// File is a flag: the path of a file of settings. Flags that are given win over it.
type File string

// BeforeResolve reads the file, when kong has read the command line.
func (File) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(File))
	r, err := read(path, ctx.Selected())
	if err != nil {
		return err
	}
	ctx.AddResolver(r)
	return nil
}

// values are settings by their keys.
type values map[string]any

// read reads the settings of a command. A key that is none of its flags is refused.
func read(path string, command *kong.Node) (values, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &badinput.Error{File: path, Key: "--config", Found: "a file that cannot be read", Expected: "settings, as each run writes them", Cause: err}
	}
	var v values
	if err := yaml.Unmarshal(data, &v); err != nil {
		return nil, &badinput.Error{File: path, Found: "settings that cannot be read", Expected: "a line KEY: VALUE for each", Cause: err}
	}
	for _, key := range v.keys() {
		if !slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return is(f) && keyOf(f) == key }) {
			return nil, &badinput.Error{File: path, Key: key, Found: "a setting that " + command.FullPath() + " does not have", Expected: "its flags, with underscores"}
		}
		switch v[key].(type) {
		case string, bool, int, int64, uint64, float64:
		default:
			return nil, &badinput.Error{File: path, Key: key, Found: "no single value", Expected: "a word, a number, true or false"}
		}
	}
	return v, nil
}

// keys are sorted.
func (v values) keys() []string {
	var keys []string
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Validate does nothing: keys are checked as they are read.
func (values) Validate(*kong.Application) error { return nil }

// Resolve gives a flag the value of the file.
func (v values) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := v[keyOf(flag)]
	if !ok || !is(flag) {
		return nil, nil
	}
	return fmt.Sprint(value), nil
}

// keyOf is a flag's name in a file.
func keyOf(f *kong.Flag) string { return strings.ReplaceAll(f.Name, "-", "_") }

// is tells whether a flag is a setting: not what is printed, nor the file itself, nor one with the tag settings:"-".
func is(f *kong.Flag) bool {
	_, file := f.Target.Interface().(File)
	return !file && !f.Hidden && f.Name != "help" && f.Name != "json" && f.Tag.Get("settings") != "-"
}

// Of writes what a command was told, its defaults included, in the order of its flags. What is empty is left out.
func Of(command *kong.Node) ([]byte, error) {
	all := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range command.Flags {
		if !is(f) || f.Target.IsZero() && !f.HasDefault {
			continue
		}
		key, value := &yaml.Node{}, &yaml.Node{}
		key.SetString(keyOf(f))
		if err := value.Encode(f.Target.Interface()); err != nil {
			return nil, fmt.Errorf("writing the setting %s: %w", f.Name, err)
		}
		all.Content = append(all.Content, key, value)
	}
	return yaml.Marshal(all)
}
