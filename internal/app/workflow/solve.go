package workflow

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// SolveOptions is a whole solution by iteration.
type SolveOptions struct {
	Scan      string
	ProbeFile string // whose probeGuess replaces the scan's
	Model     string // .onnx file or run directory whose probe replaces the scan's
	Recon     string // reconstruction whose object to begin with; empty: begin with nothing
	Input     dataset.InputKind
	Layout    dataset.Orientation // of the patterns' array
	View      dataset.View
	OutputDir string
	Engine    engine.Options
	Solver    solve.Options
	Settings  []byte    // of the command, to be written beside the object; nil: none
	Progress  io.Writer // is told of each pass; nil: nobody
}

// check refuses, before any work, what cannot be run or saved in the end.
func (o SolveOptions) check() error {
	if o.ProbeFile != "" && o.Model != "" {
		return &badinput.Error{Key: "--probe-file, --model-path", Found: "both", Expected: "one of them: each brings a probe"}
	}
	if err := o.Solver.Check(); err != nil {
		return err
	}
	if err := o.Engine.Check(); err != nil {
		return err
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// Solve finds object and probe of a scan by iteration and writes them with their pictures.
func Solve(ctx context.Context, o SolveOptions, log *slog.Logger) (*Reconstruction, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	problem, err := o.problem(log)
	if err != nil {
		return nil, err
	}
	job := solution{
		problem: problem, solver: o.Solver, engine: o.Engine, scan: o.Scan, outputDir: o.OutputDir, settings: o.Settings, ids: make([]int64, len(problem.X)), progress: o.Progress,
	}
	for i := range job.ids {
		job.ids[i] = int64(i)
	}
	return job.run(ctx)
}

// problem reads the scan and what to begin with.
func (o SolveOptions) problem(log *slog.Logger) (solve.Problem, error) {
	var p solve.Problem
	if o.Recon != "" {
		o.Recon = evaluate.File(o.Recon)
	}
	probeFile, noProbe := o.probe()
	scan, err := dataset.Open(o.Scan, dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View, ProbeFile: probeFile, NoProbe: noProbe, NoObject: true, Log: log})
	if err != nil {
		return p, err
	}
	defer scan.Close()
	p.Measured, p.X, p.Y, p.Probe = scan.Measured, scan.X, scan.Y, scan.Probe
	if o.Model != "" {
		if p.Probe, err = modelProbe(o.Model, scan.N); err != nil {
			return p, err
		}
	}
	if o.Recon != "" {
		if err := begin(&p, o.Recon, scan.N); err != nil {
			return p, err
		}
	}
	p.Patterns, err = scan.Load()
	return p, err
}

// probe says where dataset.Open is to look for a probe: nowhere, if another file brings it.
func (o SolveOptions) probe() (file string, none bool) {
	return o.ProbeFile, o.Model != "" || o.ProbeFile == "" && o.Recon != "" && hasProbe(o.Recon)
}

// hasProbe tells whether a reconstruction carries its probe. One that cannot be read is complained of when its object is.
func hasProbe(path string) bool {
	r, err := npz.Open(path)
	if err != nil {
		return false
	}
	defer r.Close()
	return r.Has(dataset.KeyProbe)
}

// modelProbe is the probe that a model carries.
func modelProbe(path string, n int) (*ndarray.Complex64, error) {
	_, _, c, err := contract.Load(path)
	if err != nil {
		return nil, err
	}
	if c.N != n {
		return nil, &badinput.Error{File: path, Key: dataset.KeyProbe, Found: fmt.Sprintf("a probe of %d x %d", c.N, c.N), Expected: fmt.Sprintf("%d x %d, the size of the patterns", n, n)}
	}
	return c.Probe, nil
}

// begin takes the object of a reconstruction, and its probe where no other was asked for.
func begin(p *solve.Problem, path string, n int) error {
	object, err := evaluate.Load(path)
	if err != nil {
		return err
	}
	p.Object, p.Row, p.Col = object.Object, object.Row, object.Col
	if !p.Overlaps(n) {
		return &badinput.Error{File: path, Key: object.Key, Found: fmt.Sprintf("%d x %d pixels from row %d, column %d, where no pattern of the scan lies", p.Object.Shape[0], p.Object.Shape[1], p.Row, p.Col),
			Expected: "an object of this scan", Remedy: "give the reconstruction that was made of this scan"}
	}
	if p.Probe != nil {
		return nil
	}
	p.Probe, err = savedModes(path, n)
	return err
}

// savedModes reads the probe that a reconstruction carries, (N, N) or (K, N, N).
func savedModes(path string, n int) (*ndarray.Complex64, error) {
	r, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	probe, err := r.Complex64(dataset.KeyProbe)
	if err != nil {
		return nil, err
	}
	shape := probe.Shape
	if d := len(shape); d < 2 || d > 3 || shape[d-1] != n || shape[d-2] != n || len(probe.Data) == 0 {
		return nil, &badinput.Error{File: path, Key: dataset.KeyProbe, Found: "shape " + npz.Header{Shape: shape}.ShapeText(), Expected: fmt.Sprintf("(%d, %d) or modes of that size, that of the patterns", n, n), Remedy: "give another with --probe-file"}
	}
	return probe, nil
}
