// Command simulated makes what docs/results.md says of simulated scans: it runs the commands that a user would, simulate, train,
// infer and eval, over kinds of object, seeds, gridsizes and photons, and writes the table and the picture. `make results` runs it.
//
// What a case found is kept in the directory of files, under the case's name, and not computed again as long as the program and the
// case's command lines are the same: it may be stopped and started at will.
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

// places are the program and the files of a run.
type places struct {
	ptyx  string // the program
	files string // directory of scans, models and objects
	docs  string // directory of results.md and its pictures
}

// section is a part of the results that may be run alone.
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
	flags.BoolVar(&quick, "quick", false, "one seed and few epochs, to see whether it works; writes to the directory for scans")
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
