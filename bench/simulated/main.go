// Command simulated makes the tables and the picture of docs/results.md, for `make results`. It runs the commands of a
// user, simulate, train and infer, over kinds of object, seeds, gridsizes and photons, and evaluates the objects.
//
// The result of each trial is kept in the directory of files, and not computed again while the program and the trial's
// command lines are the same. So the command can be stopped and started again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// places are the program and the directories of a run.
type places struct {
	ptyx  string // the program
	files string // directory of scans, models and objects
	docs  string // directory of results.md and its pictures
}

// section is a part of the results that can be run alone.
type section struct {
	name string
	run  func(context.Context, *bench) error
}

func sections() []section {
	return []section{
		{"photons", photons},
		{"collapse", collapse},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulated:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var p places
	var only string
	quick, seeds := false, 3
	flags := flag.NewFlagSet("simulated", flag.ContinueOnError)
	flags.StringVar(&p.ptyx, "ptyx", "bin/ptyx", "the program")
	flags.StringVar(&p.files, "files", ".venv/results-files", "directory for scans, models and objects")
	flags.StringVar(&p.docs, "docs", "docs", "directory of results.md and its pictures")
	flags.StringVar(&only, "only", "", "sections, separated by blanks: photons collapse; without it all")
	flags.IntVar(&seeds, "seeds", seeds, "seeds of each case of photons: objects, scans, noise and trainings")
	flags.BoolVar(&quick, "quick", false,
		"one seed and few epochs, as a trial; writes to the directory for scans")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(p, quick)
	if err != nil {
		return err
	}
	b.seeds = max(1, seeds)
	for _, s := range sections() {
		if only != "" && !slices.Contains(strings.Fields(only), s.name) {
			continue
		}
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("section %s: %w", s.name, err)
		}
	}
	return nil
}
