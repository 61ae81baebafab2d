// Package choice reads settings that are one of a few words, from a flag or a configuration file.
package choice

import (
	"fmt"
	"slices"
	"strings"
)

// Set sets value to text, which must be one of words. The error names the word that was found and those expected.
func Set[T ~string](value *T, text []byte, words ...T) error {
	if !slices.Contains(words, T(text)) {
		return fmt.Errorf("found %q, expected %s", text, List(words...))
	}
	*value = T(text)
	return nil
}

// List is an English list of alternatives: "a", "a or b", "a, b or c".
func List[T ~string](words ...T) string {
	var list strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			list.WriteString(" or ")
		default:
			list.WriteString(", ")
		}
		list.WriteString(string(w))
	}
	return list.String()
}
