package main

import (
	"encoding/json"
	"io"
)

// writeJSON prints facts for a program.
func writeJSON(w io.Writer, facts any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(facts)
}
