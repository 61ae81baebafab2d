package main

import (
	"fmt"

	"ptyx/internal/version"
)

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(app *appContext) error {
	_, err := fmt.Fprintln(app.Stdout, "ptyx", version.String)
	return err
}
