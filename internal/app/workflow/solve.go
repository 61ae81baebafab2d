package workflow

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/guess"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	ort "ptyx/runtime"
)

// SolveOptions describe a solution by iteration.
type SolveOptions struct {
	Scan      string
	Read      dataset.Options // how to read the scan
	Model     string          // .onnx file or run directory whose probe replaces the scan's; empty: none
	Recon     string          // reconstruction to start from, with its probe; empty: none
	Start     string          // EmptyStart, which "" stands for, NetworkStart, AutoStart, or the first object's file
	OutputDir string
	Engine    engine.Options
	Solver    solve.Options
	Resume    bool // continue from the state in OutputDir
	// Resolution also solves two halves of the scan, which state the resolution.
	Resolution bool
	Tiles      TileOptions
	Memory     int       // MB of patterns to hold in memory, beyond which they stay on disk; 0: no limit
	Settings   []byte    // of the command, written beside the object; nil: none
	Progress   io.Writer // reports each pass; nil: nowhere
}

// check refuses, before any work, options that cannot be run or saved.
func (o SolveOptions) check() error {
	if o.Read.ProbeFile != "" && o.Model != "" {
		return &badinput.Error{
			Key: "--probe-file, --model-path", Found: "both", Expected: "one of them: each brings a probe",
		}
	}
	if err := o.Solver.Check(); err != nil {
		return err
	}
	if err := o.Engine.Check(); err != nil {
		return err
	}
	if err := checkMemory(o.Memory); err != nil {
		return err
	}
	if err := o.Tiles.check(o); err != nil {
		return err
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// Solve finds the object and probe of a scan by iteration and writes them with their pictures.
func Solve(ctx context.Context, o SolveOptions, log *slog.Logger) (*Reconstruction, error) {
	if o.Recon != "" {
		o.Recon = evaluate.File(o.Recon)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	scan, err := o.open(log)
	if err != nil {
		return nil, err
	}
	defer scan.Close()
	release := o.openEarly()
	defer release()
	problem, err := o.problem(scan)
	if err != nil {
		return nil, err
	}
	patterns, err := o.load(ctx, scan, log)
	if err != nil {
		return nil, err
	}
	defer patterns.Close()
	problem.Patterns = patterns
	if err := o.resume(&problem); err != nil {
		return nil, err
	}
	if o.Resolution {
		if err := checkHalves(o.Scan, len(problem.X)); err != nil {
			return nil, err
		}
	}
	job := o.solution(problem, scan, log)
	if err := o.prepare(ctx, job, scan, log); err != nil {
		return nil, ofFile(err, o.Scan)
	}
	return job.run(ctx)
}

// resume sets where the solver keeps its state. To resume, it reads probe and positions from there.
func (o *SolveOptions) resume(problem *solve.Problem) error {
	o.Solver.Checkpoint = filepath.Join(o.OutputDir, SolverStateFile)
	if !o.Resume {
		return nil
	}
	o.Solver.Resume = o.Solver.Checkpoint
	return solve.Restore(problem, &o.Solver)
}

// solution is the job of all patterns of a scan.
func (o SolveOptions) solution(problem solve.Problem, scan *dataset.Scan, log *slog.Logger) *solution {
	job := &solution{
		problem: problem, solver: o.Solver, engine: o.Engine, scan: o.Scan, outputDir: o.OutputDir,
		ids: make([]int64, len(problem.X)), view: view{scan.PixelScale, scan.Geometry},
		settings: o.Settings, progress: o.Progress, log: log, resolution: o.Resolution,
		tiles: o.Tiles,
	}
	for i := range job.ids {
		job.ids[i] = int64(i)
	}
	return job
}

// prepare finds probe, positions and the object that the solver starts from. A resumed solver has probe and positions.
func (o SolveOptions) prepare(ctx context.Context, job *solution, scan *dataset.Scan, log *slog.Logger) error {
	if !o.Resume {
		if err := o.findProbeAndPositions(ctx, job, scan); err != nil {
			return err
		}
		if o.Solver.Positions {
			if err := job.settle(ctx); err != nil {
				return err
			}
		}
	}
	network, err := job.decide(o.Start, scan, log)
	if err != nil || network == nil {
		return err
	}
	return job.start(ctx, *network, scan, log)
}

// view is what a result states of the object's pixels and of the experiment.
type view struct {
	scale    frame.Scale // a pixel in pixels of the scan's file
	geometry dataset.Geometry
}

// open opens the scan.
func (o SolveOptions) open(log *slog.Logger) (*dataset.Scan, error) {
	o.Read.NoProbe = o.Model != "" || o.Read.ProbeFile == "" && o.Recon != "" && hasProbe(o.Recon, o.Read.View.Library)
	o.Read.NoObject, o.Read.ProbeOptional, o.Read.Log = true, true, log
	return dataset.Open(o.Scan, o.Read)
}

// hold reads the patterns, into memory or to be read from disk.
func (o SolveOptions) hold(scan *dataset.Scan) (*dataset.Held, error) {
	scratch, err := destination.Room(o.OutputDir)
	if err != nil {
		return nil, fmt.Errorf("finding a place for scratch files: %w", err)
	}
	return scan.Hold(int64(o.Memory)*1e6, scratch)
}

// openEarly opens ONNX Runtime while the patterns are read, so that the solver finds it open. The solver reports its
// faults.
func (o SolveOptions) openEarly() (release func()) {
	if o.Engine.Kind == engine.KindTape || !o.Solver.Method.OnEngine() {
		return func() {}
	}
	var env *ort.Environment
	var opening sync.WaitGroup
	opening.Go(func() { env, _ = o.Engine.Environment() })
	return func() {
		opening.Wait()
		if env != nil {
			_ = env.Close()
		}
	}
}

// load reads the patterns, and looks for faults of the scan at the same time.
func (o SolveOptions) load(ctx context.Context, scan *dataset.Scan, log *slog.Logger) (*dataset.Held, error) {
	var held *dataset.Held
	var g errgroup.Group
	g.Go(func() (err error) {
		held, err = o.hold(scan)
		return err
	})
	warnOfFaults(ctx, scan, scan.Probe, log)
	return held, g.Wait()
}

// problem is the scan without its patterns, and what to start from.
func (o SolveOptions) problem(scan *dataset.Scan) (p solve.Problem, err error) {
	p.Measured, p.X, p.Y, p.Probe = scan.Measured, scan.X, scan.Y, scan.Probe
	if o.Model != "" {
		if p.Probe, err = modelProbe(o.Model, scan.N); err != nil {
			return p, err
		}
	}
	if o.Recon != "" {
		if err := startFrom(&p, o.Recon, scan, o.Read.View.Library); err != nil {
			return p, err
		}
	}
	if o.startFile() {
		if err := startFrom(&p, o.startPath(), scan, o.Read.View.Library); err != nil {
			return p, err
		}
		p.Start = "file"
	}
	first := o.startPath()
	p.ObjectOverwritten = first != "" && o.overwrites(first)
	p.ProbeOverwritten = o.Read.ProbeFile != "" && o.overwrites(o.Read.ProbeFile) ||
		o.Read.ProbeFile == "" && o.Model == "" && p.ObjectOverwritten
	return p, nil
}

// findProbe gives the problem a probe made of the patterns, if it has none or one that explains them badly.
func (o SolveOptions) findProbe(
	ctx context.Context, p *solve.Problem, scan *dataset.Scan, log *slog.Logger,
) (err error) {
	found := p.Probe
	switch {
	case p.Probe == nil:
		found, err = missingProbe(ctx, scan, o.Solver.Seed, log)
	case p.Object == nil && o.Solver.Freeze.Probe == 0:
		found, err = guess.Better(ctx, scan, p.Probe, o.Solver.Seed, "--freeze probe:1", log)
	}
	if err != nil || found == p.Probe {
		return ofFile(err, scan.Path)
	}
	p.GivenProbe, p.FoundProbe, p.Probe = p.Probe, found, found.Clone()
	return nil
}

// checkMemory refuses a negative --memory-limit.
func checkMemory(megabytes int) error {
	if megabytes >= 0 {
		return nil
	}
	found := fmt.Sprint(megabytes)
	return &badinput.Error{Key: "--memory-limit", Found: found, Expected: "0 (no limit) or a number of MB"}
}

// overwrites reports whether the run writes its result to the file at path.
func (o SolveOptions) overwrites(path string) bool {
	file, err := os.Stat(path)
	if err != nil {
		return false // reading it reports the error
	}
	return slices.ContainsFunc([]string{reconstruct.ObjectFile, SolvedProbeFile}, func(name string) bool {
		result, err := os.Stat(filepath.Join(o.OutputDir, name))
		return err == nil && os.SameFile(file, result)
	})
}

// hasProbe reports whether a reconstruction carries its probe. Reading its object reports a file that cannot be read.
func hasProbe(path, library string) bool {
	r, err := source.Open(path, source.Options{Library: library})
	if err != nil {
		return false
	}
	defer r.Close()
	return r.Has(dataset.KeyProbe)
}

// modelProbe is the probe that a model carries, (N, N).
func modelProbe(path string, n int) (*ndarray.Complex64, error) {
	_, _, c, err := contract.Load(path)
	if err != nil {
		return nil, err
	}
	if c.N != n {
		return nil, &badinput.Error{
			File: path, Key: dataset.KeyProbe, Found: fmt.Sprintf("a probe of %d x %d", c.N, c.N),
			Expected: fmt.Sprintf("%d x %d, the size of the patterns", n, n),
		}
	}
	return c.Probe, nil
}

// startFrom takes the object of a reconstruction, in the scan's pixels, and its probe unless the problem has one.
func startFrom(p *solve.Problem, path string, scan *dataset.Scan, library string) error {
	n := scan.N
	object, err := evaluate.Load(path)
	if err != nil {
		return err
	}
	if object, err = object.At(scan.PixelScale, n); err != nil {
		return err
	}
	p.Object, p.Row, p.Col = object.Object, object.Row, object.Col
	if !p.Overlaps(n) {
		return &badinput.Error{
			File: path, Key: object.Key,
			Found: fmt.Sprintf("%d x %d pixels from row %d, column %d, where no pattern of the scan lies",
				p.Object.Shape[0], p.Object.Shape[1], p.Row, p.Col),
			Expected: "an object of this scan", Remedy: "give the reconstruction that was made of this scan",
		}
	}
	if p.Probe != nil || !hasProbe(path, library) {
		return nil
	}
	p.Probe, err = savedModes(path, n, library)
	return err
}

// savedModes reads the probe that a reconstruction carries, (N, N) or (K, N, N).
func savedModes(path string, n int, library string) (*ndarray.Complex64, error) {
	r, err := source.Open(path, source.Options{Library: library})
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
		return nil, &badinput.Error{
			File: path, Key: dataset.KeyProbe, Found: "shape " + npz.Header{Shape: shape}.ShapeText(),
			Expected: fmt.Sprintf("(%d, %d) or modes of that size, that of the patterns", n, n),
			Remedy:   "give another with --probe-file",
		}
	}
	return probe, nil
}
