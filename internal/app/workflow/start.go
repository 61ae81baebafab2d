package workflow

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/validate"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// Values of SolveOptions.Start. Another one names a file.
const (
	NetworkStart = "network" // the object of the general network
	EmptyStart   = "none"    // 1 everywhere
	AutoStart    = "auto"    // that of the network if patterns overlap little, else an empty one
)

// startPixels is the number of pattern pixels in a batch of the network that makes the first object.
const startPixels = 1 << 16

// decide returns the network that makes the first object, or nil. Where patterns overlap little, many passes do not
// find from an empty object what the network sees in each pattern: docs/solve.md has figures. AutoStart takes no
// network for sizes that the network does not serve; NetworkStart is refused then.
func (j *solution) decide(start string, scan *dataset.Scan, log *slog.Logger) (*network, error) {
	if start != AutoStart && start != NetworkStart {
		return nil, nil
	}
	p := j.problem
	overlap := validate.Overlap(p.X, p.Y, strongest(p.Probe, scan.N))
	if start == AutoStart && (!(overlap < validate.LeastOverlap) || len(p.X) == 0) {
		return nil, nil
	}
	n, err := generalNetwork(scan)
	if err != nil {
		if start == AutoStart {
			return nil, nil
		}
		return nil, err
	}
	message := "the general network computes the first object"
	if start == AutoStart {
		message = "patterns overlap little, so " + message
	}
	log.Info(message, "patterns", len(p.X), "size_pixels", scan.N, "overlap", fmt.Sprintf("%.2f", overlap))
	return &n, nil
}

// strongest is the first mode of a probe (N, N) or (K, N, N), on the same memory.
func strongest(probe *ndarray.Complex64, n int) *ndarray.Complex64 {
	return ndarray.Wrap(probe.Data[:n*n], n, n)
}

// start gives the problem of a job its first object, from the general network.
func (j *solution) start(ctx context.Context, n network, scan *dataset.Scan, log *slog.Logger) error {
	p := &j.problem
	model, _, err := n.taking()
	if err != nil {
		return err
	}
	scan.X, scan.Y = p.X, p.Y // --positions may have found others
	given, seed := strongest(p.Probe, scan.N), j.solver.Seed
	probe := given
	if j.solver.Freeze.Probe == 0 {
		c, err := ProbeChoice{Passes: solve.CalibrationPasses}.calibrated(ctx, scan, given, seed, j.engine, log)
		if err != nil {
			return err
		}
		probe = c.Probe
	}
	power, err := scan.MeanPower()
	if err != nil {
		return err
	}
	if err := n.use(model, probe, power, ScanProbe); err != nil {
		return err
	}
	batch := max(1, startPixels/(scan.N*scan.N))
	o := InferOptions{Engine: j.engine, Selection: reconstruct.Options{BatchSize: batch, Seed: seed}}
	result, err := o.reconstruct(ctx, scan, n, log)
	if err != nil {
		return err
	}
	p.Object, p.Row, p.Col, p.Start = result.Object, result.Row, result.Col, NetworkStart
	copy(given.Data, probe.Data)
	p.ObjectOverwritten, p.ProbeOverwritten = true, true // both differ by rounding with the number of threads
	return nil
}

// startFile reports whether the first object is that of a file.
func (o SolveOptions) startFile() bool {
	return !slices.Contains([]string{"", NetworkStart, EmptyStart, AutoStart}, o.Start)
}

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
