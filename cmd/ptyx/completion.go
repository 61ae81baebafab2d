package main

import (
	"fmt"

	"ptyx/internal/app/completion"
)

type completionCmd struct {
	Shell completion.Shell `arg:"" help:"Shell: bash, zsh or fish."`
}

// Help explains where the script goes.
func (completionCmd) Help() string {
	return `The script completes commands, flags, their values and files. Load it in the shell:

    bash    source <(ptyx completion bash)                         in .bashrc
    zsh     source <(ptyx completion zsh)                          in .zshrc, after compinit
    fish    ptyx completion fish > ~/.config/fish/completions/ptyx.fish`
}

// Run prints the script.
func (c *completionCmd) Run(app *appContext) error {
	_, err := fmt.Fprint(app.Stdout, c.Shell.Script())
	return err
}

// completeCmd answers the scripts.
type completeCmd struct {
	Words []string `arg:"" optional:"" help:"Words of the command line, up to the one to complete."`
}

// Run prints the candidates.
func (c *completeCmd) Run(app *appContext) error {
	for _, line := range completion.Candidates(app.Parsed.Model, c.Words) {
		fmt.Fprintln(app.Stdout, line)
	}
	return nil
}
