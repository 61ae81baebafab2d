package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// writeJSON prints facts for a program.
func writeJSON(w io.Writer, facts any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(facts)
}

// conclude says what a command has done: one object by the tags of the result's type where a program asks, else the result's own
// sentence. docs/json.md has the keys.
func (app *appContext) conclude(done fmt.Stringer, asJSON bool) error {
	switch {
	case asJSON:
		return writeJSON(app.Stdout, done)
	case app.Quiet:
		return nil
	}
	_, err := fmt.Fprintln(app.Stdout, done)
	return err
}
