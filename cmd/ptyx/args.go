package main

import (
	"strconv"
	"strings"
)

// joinNegatives writes "--flag -1" as "--flag=-1": kong takes a value that begins with a hyphen for a flag and complains of
// syntax, where the complaint due is that of the flag's own check. No flag of ptyx is a number.
func joinNegatives(args []string) []string {
	var out []string
	for _, arg := range args {
		if last := len(out) - 1; last >= 0 && negative(arg) && strings.HasPrefix(out[last], "--") && !strings.Contains(out[last], "=") {
			out[last] += "=" + arg
			continue
		}
		out = append(out, arg)
	}
	return out
}

// negative tells whether arg is a number below zero, infinity included.
func negative(arg string) bool {
	_, err := strconv.ParseFloat(arg, 64)
	return strings.HasPrefix(arg, "-") && err == nil
}
