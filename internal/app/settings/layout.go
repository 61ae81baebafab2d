package settings

import (
	"fmt"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"ptyx/internal/scan/dataset"
)

// LayoutFile is a flag: the path of a dataset.Layout, which serves several commands. A command ignores keys that it has
// no flag for. Flags on the command line win over it.
type LayoutFile string

// BeforeResolve reads the file once kong has read the command line.
func (LayoutFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	layout, err := dataset.LoadLayout(string(ctx.FlagValue(trace.Flag).(LayoutFile)))
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(layout) // with names of files as seen from here
	if err != nil {
		return err
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		return err
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if value, ok := values[keyOf(flag)]; ok && isSetting(flag) {
			return fmt.Sprint(value), nil
		}
		return nil, nil
	}))
	return nil
}
