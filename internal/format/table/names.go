package table

import (
	"fmt"
	"slices"
	"strings"
)

// namesIn finds the names of columns in the lines before the first one of numbers: in the last line that has as many
// fields. If its fields are not unique, they are units, and the names are in a line above.
func namesIn(lead []string, columns int) []string {
	var units []string
	for _, text := range slices.Backward(lead) {
		fields := fieldsOf(text, columns)
		switch {
		case fields == nil:
		case !unique(fields):
			units = fields
		case units == nil:
			return fields
		default:
			for i, unit := range units {
				fields[i] = fmt.Sprintf("%s (%s)", fields[i], strings.Trim(unit, "()[]"))
			}
			return fields
		}
	}
	return nil
}

// fieldsOf splits a line into as many names as there are columns, by any separator; nil if it has another number.
// Programs put a mark before the names: # or %, or #L as SPEC does.
func fieldsOf(text string, columns int) []string {
	text = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(text), "#%!"))
	for _, c := range separators {
		fields := split(text, c)
		if len(fields) == columns+1 && fields[0] == "L" {
			fields = fields[1:]
		}
		if c == ' ' && len(fields) != columns {
			fields = apart(text)
		}
		if len(fields) == columns && !slices.Contains(fields, "") {
			return fields
		}
	}
	return nil
}

// apart splits a line where two or more blanks are, as SPEC separates names that have blanks.
func apart(text string) []string {
	var fields []string
	for f := range strings.SplitSeq(strings.TrimPrefix(text, "L "), "  ") {
		if f = strings.TrimSpace(f); f != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// unique reports whether no field comes twice.
func unique(fields []string) bool {
	for i, f := range fields {
		if slices.Contains(fields[:i], f) {
			return false
		}
	}
	return true
}
