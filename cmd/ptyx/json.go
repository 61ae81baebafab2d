package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// writeJSON prints v for a program.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// conclude prints the result of a command: as one JSON object, whose keys docs/json.md lists, or as a sentence. It
// returns the command's error, if there is one.
func (app *appContext) conclude(result fmt.Stringer, err error, asJSON bool) error {
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeJSON(app.Stdout, result)
	case app.Quiet:
		return nil
	}
	_, err = fmt.Fprintln(app.Stdout, result)
	return err
}

// concludeSaved is conclude for a command that saves a result also when it is interrupted. The error of an interruption
// names what was saved, so that only JSON repeats it.
func (app *appContext) concludeSaved(result fmt.Stringer, saved bool, err error, asJSON bool) error {
	if !saved || err != nil && !asJSON {
		return err
	}
	return errors.Join(err, app.conclude(result, nil, asJSON))
}
