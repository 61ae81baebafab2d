package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// joinNegatives writes "--flag -1" as "--flag=-1". kong would take -1 for a flag and report a fault of syntax, instead
// of letting the flag check it. No flag of ptyx is a number.
func joinNegatives(args []string) []string {
	var out []string
	for _, arg := range args {
		last := len(out) - 1
		if last >= 0 && negative(arg) && strings.HasPrefix(out[last], "--") && !strings.Contains(out[last], "=") {
			out[last] += "=" + arg
			continue
		}
		out = append(out, arg)
	}
	return out
}

// negative reports whether arg is a number below zero, infinity included.
func negative(arg string) bool {
	_, err := strconv.ParseFloat(arg, 64)
	return strings.HasPrefix(arg, "-") && err == nil
}

// given reports whether one of the flags was on the command line.
func (app *appContext) given(names ...string) bool {
	return slices.ContainsFunc(app.Parsed.Path, func(p *kong.Path) bool {
		return p.Flag != nil && slices.Contains(names, p.Flag.Name)
	})
}
