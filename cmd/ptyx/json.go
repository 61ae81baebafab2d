package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"ptyx/internal/base/badinput"
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

// failure is what --json prints of a command that fails before it prints a result.
type failure struct {
	Error fault `json:"error"`
}

// fault is an error and, of an error in the user's input or flags, its parts.
type fault struct {
	Message  string `json:"message"` // the sentence that standard error has, too
	File     string `json:"file"`
	Key      string `json:"key"`
	Found    string `json:"found"`
	Expected string `json:"expected"`
	Remedy   string `json:"remedy"`
}

// failureOf takes an error apart.
func failureOf(err error) failure {
	f := fault{Message: err.Error()}
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) {
		f.File, f.Key, f.Found, f.Expected, f.Remedy = bad.File, bad.Key, bad.Found, bad.Expected, bad.Remedy
	}
	if bad := (*misuse)(nil); errors.As(err, &bad) {
		f.Key, f.Found, f.Expected = bad.flag, bad.found, bad.expected
	}
	return failure{f}
}

// observed is a writer that knows whether it was used. Standard output holds one object at most, so an error is printed
// only if there is no result.
type observed struct {
	io.Writer
	used bool
}

func (o *observed) Write(p []byte) (int, error) {
	o.used = o.used || len(p) > 0
	return o.Writer.Write(p)
}
