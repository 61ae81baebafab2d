package main

import (
	"fmt"

	"ptyx/internal/base/version"
)

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// release is what a version says.
type release struct {
	Version string `json:"version"`
}

// Run prints the version.
func (c *versionCmd) Run(app *appContext) error {
	if c.JSON {
		return writeJSON(app.Stdout, release{version.String})
	}
	_, err := fmt.Fprintln(app.Stdout, "ptyx", version.String)
	return err
}
