// Command measure times the parts of ptyx for make bench-peers. It prepares one job, prints how long that took as a
// line of JSON, and then answers each line of standard input, a number of steps, with the seconds of each. So the
// harness can let programs take turns without restarting them.
//
//	measure train   -scan scan.npz -model model.onnx -batch 16 -threads 2   steps of a training, as in ptyx train
//	measure infer   -scan scan.npz -model model.onnx -batch 16 -threads 2   the bare session on one batch
//	measure pass    -scan scan.npz -model model.onnx -batch 16 -threads 2   the bare session on all patterns
//	measure numbers -scan scan.npz -model model.onnx -batch 16 -out numbers.npz
//
// The job numbers measures no time: it writes the output of the network and of a training step for the first patterns.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"

	"ptyx/internal/graph/contract"
	"ptyx/internal/scan/dataset"
	"ptyx/runtime"
)

// job is what all kinds of measurement need.
type job struct {
	scan, model, out string
	batch, threads   int
}

// jobs is the table of jobs by name.
func jobs() map[string]func(job) error {
	return map[string]func(job) error{"train": job.train, "infer": job.infer, "pass": job.pass, "numbers": job.numbers}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || jobs()[args[0]] == nil {
		return fmt.Errorf("found %q, expected train, infer, pass or numbers", args)
	}
	var j job
	flags := flag.NewFlagSet("measure "+args[0], flag.ContinueOnError)
	flags.StringVar(&j.scan, "scan", "", "scan to take patterns from")
	flags.StringVar(&j.model, "model", "", "checkpoint with the weights")
	flags.StringVar(&j.out, "out", "", "file for the numbers")
	flags.IntVar(&j.batch, "batch", 16, "patterns in a step")
	flags.IntVar(&j.threads, "threads", 2, "threads")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	return jobs()[args[0]](j)
}

// open opens scan, model and library. Everything stays open until the process ends.
func (j job) open() (*dataset.Scan, []byte, contract.Contract, *runtime.Environment, error) {
	data, _, c, err := contract.Load(j.model)
	if err != nil {
		return nil, nil, c, nil, err
	}
	scan, err := dataset.Open(j.scan, dataset.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, c, nil, err
	}
	if scan.N != c.N {
		return nil, nil, c, nil, fmt.Errorf("%s has patterns of %d pixels, the network of %s takes %d",
			j.scan, scan.N, j.model, c.N)
	}
	library, err := runtime.Find("")
	if err != nil {
		return nil, nil, c, nil, err
	}
	env, err := runtime.Open(library)
	return scan, data, c, env, err
}

func (j job) session() runtime.SessionOptions {
	return runtime.SessionOptions{Device: runtime.CPU, Threads: j.threads}
}
