package main

import "ptyx/internal/app/completion"

type completionCmd struct {
	Shell completion.Shell `arg:"" help:"bash, zsh or fish."`
}

// Help says where the script goes.
func (completionCmd) Help() string {
	return `The script goes to standard output, and from there to where the shell looks for it:

    bash    source <(ptyx completion bash)                         in .bashrc
    zsh     source <(ptyx completion zsh)                          in .zshrc, after compinit
    fish    ptyx completion fish > ~/.config/fish/completions/ptyx.fish`
}

// Run writes the script.
func (c *completionCmd) Run(app *appContext) error {
	parser, err := newParser(&cli{})
	if err != nil {
		return err
	}
	return completion.Write(app.Stdout, parser.Model, c.Shell)
}
