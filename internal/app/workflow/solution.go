package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// The files that a solver writes beside those of reconstruct.
const (
	SolvedProbeFile  = "probe.npz" // probeGuess, (K, N, N)
	SolvedProbeImage = "probe.png"
	SolverStateFile  = "solver_state.npz" // to resume from; the state.npz of a run directory is that of a training
)

// solution is a problem and everything needed to solve it and to save the result.
type solution struct {
	problem   solve.Problem
	solver    solve.Options
	engine    engine.Options
	scan      string // path, for errors
	outputDir string
	ids       []int64      // of the patterns in the scan
	view      view         // the object's pixels
	settings  []byte       // to save; nil: none
	digest    string       // of the model that made the first object; empty: none
	extra     []npz.Member // further members of the result, about the first object or the resolution
	progress  io.Writer    // reports each pass; nil: nowhere
	log       *slog.Logger

	resolution bool // solve two halves of the scan, too
	tiles      TileOptions
}

// run solves and saves. If ctx is done after the first pass, it saves the best state so far and returns it with the
// error Interrupted. If only the solver's state cannot be saved, it returns the result and that error.
func (j solution) run(ctx context.Context) (*Reconstruction, error) {
	s, err := j.solve(ctx)
	if s == nil {
		return nil, err
	}
	if err == nil && j.solver.Resume != "" && s.Resumed == len(s.History) {
		j.log.Info("the run was finished: no pass is made", "state", j.solver.Resume)
	}
	if err := j.save(s); err != nil {
		return nil, err
	}
	if err := removeIfExists(filepath.Join(j.outputDir, evaluate.ResolutionFile)); err != nil {
		return nil, fmt.Errorf("removing the picture of an earlier resolution: %w", err)
	}
	if err := saveSettings(j.outputDir, j.settings); err != nil {
		return nil, err
	}
	saved := &Reconstruction{
		OutputDir: j.outputDir, Patterns: len(s.X), Device: s.Device, Fallback: s.Fallback,
		Object: [2]int(s.Object.Shape),
		Solver: &Solution{Method: j.solver.Method, Passes: len(s.History), Residual: s.Residual},
	}
	if n := len(s.History); n > 0 && j.tiles.Cluster.URL != "" { // of rounds
		saved.Solver.Passes = s.History[n-1].Number
	}
	var unsaved *solve.Unsaved
	switch {
	case errors.As(err, &unsaved):
		return saved, fmt.Errorf("%w; the result is saved", unsaved)
	case err != nil:
		return saved, Interrupted{Saved: *saved}
	}
	if !j.resolution {
		return saved, nil
	}
	err = j.resolve(ctx, s, saved)
	var interrupted Interrupted
	if err != nil && !errors.As(err, &interrupted) {
		return nil, err // with --json, the error takes the place of a result
	}
	return saved, err
}

// solve opens an engine, if the method needs one, and solves. If ctx is done early, it returns the solution so far and
// the context's error.
func (j solution) solve(ctx context.Context) (_ *solve.Solution, err error) {
	var e engine.Engine
	release := func() error { return nil }
	if j.solver.Method.OnEngine() {
		if e, release, err = j.engine.Open(); err != nil {
			return nil, err
		}
	}
	j.solver.Threads = j.engine.ThreadCount()
	var s *solve.Solution
	if j.tiles.Cluster.URL != "" {
		s, err = j.tiled(ctx, e)
	} else {
		s, err = solve.Run(ctx, j.problem, j.solver, e, j.report)
	}
	if err := release(); err != nil {
		return nil, err
	}
	return s, ofFile(err, j.scan, dataset.KeyPatterns)
}

// report prints a line about a pass.
func (j solution) report(p solve.Pass) {
	if p.Unsaved != nil {
		j.log.Warn("the run continues, but its state could not be saved", "pass", p.Number, "error", p.Unsaved)
	}
	if j.progress == nil {
		return
	}
	fmt.Fprintf(j.progress, "pass %d/%d  residual %.5f  batches %d", p.Number, j.solver.Passes, p.Residual, p.Batches)
	if p.Diverged {
		fmt.Fprint(j.progress, "  diverged: back to the best state, with half the steps")
	}
	fmt.Fprintln(j.progress)
}

// result puts the solution into the form of infer's result.
func (j solution) result(s *solve.Solution) *reconstruct.Result {
	residuals := make([]float64, len(s.History))
	for i, p := range s.History {
		residuals[i] = p.Residual
	}
	result := &reconstruct.Result{
		Object: s.Object, Coverage: s.Coverage, Spread: s.Spread, Row: s.Row, Col: s.Col, X: s.X, Y: s.Y, IDs: j.ids,
		Provider: s.Device, Fallback: s.Fallback, Patches: len(s.X), Probe: s.Probe, Scale: j.view.scale,
		Geometry: j.view.geometry,
		Extra: []npz.Member{
			{Key: "method", Value: string(j.solver.Method)},
			{Key: "likelihood", Value: string(j.solver.Likelihood)},
			{Key: "residual", Value: s.Residual},
			{Key: "residuals", Value: residuals}, // of each pass, before its updates
			{Key: "pattern_residuals", Value: s.Residuals},
			{Key: "seed", Value: int64(j.solver.Seed)},
		},
	}
	result.Extra = append(result.Extra, j.extra...)
	if s.Weights != nil {
		result.Extra = append(result.Extra, npz.Member{Key: "probe_weights", Value: s.Weights})
	}
	if s.Background != nil {
		result.Extra = append(result.Extra, npz.Member{Key: "background", Value: s.Background})
	}
	if s.Variable != nil {
		result.Extra = append(result.Extra, npz.Member{Key: "probe_variable", Value: s.Variable})
	}
	if j.solver.Positions {
		x, y := j.problem.X, j.problem.Y
		if j.problem.GivenX != nil {
			x, y = j.problem.GivenX, j.problem.GivenY
		}
		start := []npz.Member{{Key: dataset.KeyXStart, Value: x}, {Key: dataset.KeyYStart, Value: y}}
		result.Extra = append(result.Extra, start...)
	}
	return result
}

// save writes the files of infer, and the probe: an object that cannot be saved leaves the probe of the one before.
func (j solution) save(s *solve.Solution) error {
	if err := j.result(s).Save(j.outputDir, j.digest); err != nil {
		return err
	}
	return saveProbe(j.outputDir, s.Probe)
}

// saveProbe writes a probe (K, N, N) that a solver found, and its picture.
func saveProbe(dir string, probe *ndarray.Complex64) error {
	path := filepath.Join(dir, SolvedProbeFile)
	if err := npz.Write(path, []npz.Member{{Key: dataset.KeyProbe, Value: probe}}); err != nil {
		return fmt.Errorf("writing the probe: %w", err)
	}
	n := probe.Shape[1]
	strongest := ndarray.Wrap(probe.Data[:n*n], n, n)
	if err := render.Probe(filepath.Join(dir, SolvedProbeImage), strongest); err != nil {
		return fmt.Errorf("drawing the probe: %w", err)
	}
	return nil
}

func removeIfExists(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
