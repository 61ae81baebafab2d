// Package settings writes the flags of a command to YAML and reads such a file in place of flags. It stands beside the
// commands. Its noun is the File, a flag that names a file of settings; a key is the name of a flag with underscores.
package settings

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
)

// File is a flag: the path of a file of settings. Flags on the command line win over it.
type File string

// BeforeResolve reads the file once kong has read the command line.
func (File) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(File))
	v, err := read(path, ctx.Selected())
	if err != nil {
		return err
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if value, ok := v[keyOf(flag)]; ok && isSetting(flag) {
			return fmt.Sprint(value), nil
		}
		return nil, nil
	}))
	return nil
}

// read reads the settings of a command by their keys. It refuses a key that is none of the command's flags.
func read(path string, command *kong.Node) (map[string]any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &badinput.Error{
			File: path, Key: "--config", Found: "a file that cannot be read",
			Expected: "settings, as each run writes them", Cause: err,
		}
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, &badinput.Error{
			File: path, Found: "settings that cannot be read", Expected: "a line KEY: VALUE for each", Cause: err,
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return isSetting(f) && keyOf(f) == key }) {
			found := "a setting that " + command.FullPath() + " does not have"
			return nil, &badinput.Error{File: path, Key: key, Found: found, Expected: "its flags, with underscores"}
		}
		switch values[key].(type) {
		case string, bool, int, int64, uint64, float64:
		default:
			expected := "a word, a number, true or false"
			return nil, &badinput.Error{File: path, Key: key, Found: "no single value", Expected: expected}
		}
	}
	return values, nil
}

// keyOf is a flag's name in a file.
func keyOf(f *kong.Flag) string { return strings.ReplaceAll(f.Name, "-", "_") }

// isSetting is false of flags that only print, of the files themselves, and of flags with the tag settings:"-".
func isSetting(f *kong.Flag) bool {
	switch f.Target.Interface().(type) {
	case File, LayoutFile:
		return false
	}
	return !f.Hidden && f.Name != "help" && f.Name != "json" && f.Tag.Get("settings") != "-"
}

// Of writes the settings of a command line, defaults included, in the order of the command's flags. It leaves out empty
// ones.
func Of(line *kong.Context) ([]byte, error) {
	return write(line, func(f *kong.Flag) bool { return !f.Target.IsZero() || f.HasDefault })
}

// Given writes only the settings that are on the command line, empty ones included.
func Given(line *kong.Context) ([]byte, error) {
	return write(line, func(f *kong.Flag) bool {
		return slices.ContainsFunc(line.Path, func(p *kong.Path) bool { return p.Flag == f })
	})
}

func write(line *kong.Context, wanted func(*kong.Flag) bool) ([]byte, error) {
	all := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range line.Selected().Flags {
		if !isSetting(f) || !wanted(f) {
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
