package workflow

import (
	"context"
	"log/slog"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// NetworkStart is the value of SolveOptions.Start for the general network. Another value names a file.
const NetworkStart = "network"

// startBatch is the number of patterns in a batch of the network that makes the first object.
const startBatch = 16

// start gives the problem of a job its first object, from the general network.
func (j *solution) start(ctx context.Context, scan *dataset.Scan, log *slog.Logger) error {
	p := &j.problem
	n, err := generalNetwork(scan)
	if err != nil {
		return err
	}
	model, _, err := n.taking()
	if err != nil {
		return err
	}
	strongest := ndarray.Wrap(p.Probe.Data[:scan.N*scan.N], scan.N, scan.N)
	seed := j.solver.Seed
	probe, err := ProbeChoice{Passes: GeneralPasses}.calibrated(ctx, scan, strongest, seed, log)
	if err != nil {
		return err
	}
	power, err := scan.MeanPower()
	if err != nil {
		return err
	}
	if err := n.use(model, probe, power, ScanProbe); err != nil {
		return err
	}
	scan.X, scan.Y = p.X, p.Y // --positions may have found others
	o := InferOptions{Engine: j.engine, Selection: reconstruct.Options{BatchSize: startBatch, Seed: seed}}
	result, err := o.reconstruct(ctx, scan, n, log)
	if err != nil {
		return err
	}
	p.Object, p.Row, p.Col, p.Start = result.Object, result.Row, result.Col, NetworkStart
	copy(strongest.Data, probe.Data)
	p.ObjectOverwritten, p.ProbeOverwritten = true, true // both differ by rounding with the number of threads
	return nil
}

// startFile reports whether the first object is that of a file.
func (o SolveOptions) startFile() bool { return o.Start != "" && o.Start != NetworkStart }

// startPath is the file of the first object, or empty.
func (o SolveOptions) startPath() string {
	switch {
	case o.Recon != "":
		return evaluate.File(o.Recon)
	case o.startFile():
		return evaluate.File(o.Start)
	}
	return ""
}
