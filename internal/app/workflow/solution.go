package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// The files that a solver writes beside those of reconstruct.
const (
	SolvedProbeFile  = "probe.npz" // probeGuess, (K, N, N)
	SolvedProbeImage = "probe.png"
)

// solution is a problem with all that is needed to solve it and to save what comes of it.
type solution struct {
	problem   solve.Problem
	solver    solve.Options
	engine    engine.Options
	scan      string // for complaints
	outputDir string
	ids       []int64 // of the patterns in the scan
	settings  []byte  // to be written; nil: none
	digest    string  // of the model that the object began with; empty: none
	progress  io.Writer
}

// run solves and saves.
func (j solution) run(ctx context.Context) (*Reconstruction, error) {
	s, err := j.solve(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.save(s); err != nil {
		return nil, err
	}
	if err := saveSettings(j.outputDir, j.settings); err != nil {
		return nil, err
	}
	return &Reconstruction{
		OutputDir: j.outputDir, Patterns: len(s.X), Device: s.Device, Object: [2]int{s.Object.Shape[0], s.Object.Shape[1]},
		Solver: &Solution{Method: j.solver.Method, Passes: len(s.History), Residual: s.Residual},
	}, nil
}

// solve opens an engine and solves.
func (j solution) solve(ctx context.Context) (*solve.Solution, error) {
	eng, release, err := j.engine.Open()
	if err != nil {
		return nil, err
	}
	j.solver.Threads = j.engine.ThreadCount()
	s, err := solve.Run(ctx, j.problem, j.solver, eng, j.tell)
	if closeErr := release(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, j.ofScan(err)
	}
	return s, nil
}

// tell prints a line for a pass.
func (j solution) tell(p solve.Pass) {
	if j.progress != nil {
		fmt.Fprintf(j.progress, "pass %d/%d  residual %.5f  batches %d\n", p.Number, j.solver.Passes, p.Residual, p.Batches)
	}
}

// ofScan names the scan in a complaint about its patterns.
func (j solution) ofScan(err error) error {
	var bad *badinput.Error
	if errors.As(err, &bad) && bad.File == "" {
		bad.File = j.scan
		return bad
	}
	return err
}

// result is the solution as infer has it.
func (j solution) result(s *solve.Solution) *reconstruct.Result {
	residuals := make([]float64, len(s.History))
	for i, p := range s.History {
		residuals[i] = p.Residual
	}
	result := &reconstruct.Result{
		Object: s.Object, Coverage: s.Coverage, Spread: s.Spread, Row: s.Row, Col: s.Col, X: s.X, Y: s.Y, IDs: j.ids,
		Provider: s.Device, Patches: len(s.X), Probe: s.Probe,
		Extra: []npz.Member{
			{Key: "method", Value: string(j.solver.Method)},
			{Key: "likelihood", Value: string(j.solver.Likelihood)},
			{Key: "residual", Value: s.Residual},
			{Key: "residuals", Value: residuals}, // of each pass, as it met it
			{Key: "seed", Value: int64(j.solver.Seed)},
		},
	}
	if j.solver.Positions {
		result.Extra = append(result.Extra, npz.Member{Key: dataset.KeyXStart, Value: j.problem.X}, npz.Member{Key: dataset.KeyYStart, Value: j.problem.Y})
	}
	return result
}

// save writes what infer writes, and the probe.
func (j solution) save(s *solve.Solution) error {
	if err := j.result(s).Save(j.outputDir, j.digest); err != nil {
		return err
	}
	if err := npz.Write(filepath.Join(j.outputDir, SolvedProbeFile), []npz.Member{{Key: dataset.KeyProbe, Value: s.Probe}}); err != nil {
		return fmt.Errorf("writing the probe: %w", err)
	}
	n := s.Probe.Shape[1]
	strongest := ndarray.Wrap(s.Probe.Data[:n*n], n, n)
	if err := render.Probe(filepath.Join(j.outputDir, SolvedProbeImage), strongest); err != nil {
		return fmt.Errorf("drawing the probe: %w", err)
	}
	return nil
}
