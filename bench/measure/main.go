// Command measure times the parts of ptyx for make bench-peers. It prepares one job, says in a line of JSON how long that
// took, and then runs as many steps as each line of standard input asks for, answering with the seconds of each: so that the
// harness can let programs take turns without starting them anew.
//
//	measure train   -scan scan.npz -model model.onnx -batch 16 -threads 2   steps of a training, as ptyx train makes them
//	measure infer   -scan scan.npz -model model.onnx -batch 16 -threads 2   runs of the bare session on one batch
//	measure pass    -scan scan.npz -model model.onnx -batch 16 -threads 2   the bare session on all patterns of the scan, once a step
//	measure numbers -scan scan.npz -model model.onnx -batch 16 -out numbers.npz
//
// numbers is no timing: it writes what the network and a training step make of the first patterns of the scan.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"

	"ptyx/internal/graph/contract"
	"ptyx/internal/scan/dataset"
	ort "ptyx/runtime"
)

// job is what all kinds of measurement need.
type job struct {
	kind, scan, model, out string
	batch, threads         int
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no job, expected train, infer, pass or numbers")
	}
	j := job{kind: args[0]}
	flags := flag.NewFlagSet("measure "+j.kind, flag.ContinueOnError)
	flags.StringVar(&j.scan, "scan", "", "scan to take patterns from")
	flags.StringVar(&j.model, "model", "", "checkpoint with the weights")
	flags.StringVar(&j.out, "out", "", "file for the numbers")
	flags.IntVar(&j.batch, "batch", 16, "patterns in a step")
	flags.IntVar(&j.threads, "threads", 2, "threads")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch j.kind {
	case "train":
		return j.train()
	case "infer":
		return j.infer()
	case "pass":
		return j.pass()
	case "numbers":
		return j.numbers()
	}
	return fmt.Errorf("found job %q, expected train, infer, pass or numbers", j.kind)
}

// open opens what the job computes with. Everything stays open until the process ends.
func (j job) open() (*dataset.Scan, []byte, contract.Contract, *ort.Environment, error) {
	data, _, c, err := contract.Load(j.model)
	if err != nil {
		return nil, nil, c, nil, err
	}
	scan, err := dataset.Open(j.scan, dataset.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, c, nil, err
	}
	if scan.N != c.N {
		return nil, nil, c, nil, fmt.Errorf("%s has patterns of %d pixels, the network of %s takes %d", j.scan, scan.N, j.model, c.N)
	}
	library, err := ort.Find("")
	if err != nil {
		return nil, nil, c, nil, err
	}
	env, err := ort.Open(library)
	return scan, data, c, env, err
}

func (j job) session() ort.SessionOptions {
	return ort.SessionOptions{Device: ort.CPU, Threads: j.threads}
}
