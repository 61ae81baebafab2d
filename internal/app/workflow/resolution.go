package workflow

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/solve"
)

// leastForHalves is the number of patterns from which two halves are a scan each.
const leastForHalves = 16

// checkHalves refuses a resolution of a scan of too few patterns.
func checkHalves(scan string, patterns int) error {
	if patterns >= leastForHalves {
		return nil
	}
	return &badinput.Error{
		File: scan, Key: "--resolution", Found: fmt.Sprint(patterns),
		Expected: fmt.Sprintf("at least %d patterns, half of them for each object", leastForHalves),
		Remedy:   "leave the flag out",
	}
}

// resolve solves both halves of the scan, and adds to the saved result of the complete scan how far they agree. The
// positions that were found of the complete scan are the start of both.
func (j solution) resolve(ctx context.Context, s *solve.Solution, saved *Reconstruction) error {
	if explains, err := j.explains(s); err != nil || !explains {
		return err
	}
	whole := j.problem
	whole.X, whole.Y = s.X, s.Y
	var images [2]metrics.Image
	var err error
	a, b := solve.Halves(whole)
	for i, half := range []solve.Problem{a, b} {
		if images[i], err = j.half(ctx, half, i+1); err != nil {
			if ctx.Err() != nil {
				return Interrupted{Saved: *saved}
			}
			return fmt.Errorf("the object is saved, its resolution is unknown: half %d of the scan: %w", i+1, err)
		}
	}
	o := metrics.Options{PixelSizeNM: 1e9 * j.view.geometry.PixelX}
	found, err := metrics.NewResolution(images[0], images[1], o)
	switch {
	case errors.Is(err, metrics.ErrNoOverlap), errors.Is(err, metrics.ErrFlat):
		j.log.Warn("the resolution is unknown: the scan is too small, or its object has no structure", "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("comparing the halves of the scan: %w", err)
	}
	members := evaluate.ResolutionMembers(found, s.Object.Shape[0], s.Object.Shape[1], s.Row, s.Col)
	j.extra = append(j.extra, members...)
	if err := j.save(s); err != nil {
		return err
	}
	if err := evaluate.DrawResolution(filepath.Join(j.outputDir, evaluate.ResolutionFile), found); err != nil {
		return fmt.Errorf("drawing the resolution: %w", err)
	}
	saved.Resolution = &Resolution{found.FRC.AtHalfBit, found.FRC.AtSeventh}
	return nil
}

// mostOfDifferences is the largest share of the differences between the patterns that an object may leave unexplained,
// for a resolution to be stated. Halves of a scan also agree if all patterns are the same, whatever the object is.
const mostOfDifferences = 0.9

// explains reports whether the object explains how the patterns differ. If not, it logs so.
func (j solution) explains(s *solve.Solution) (bool, error) {
	differences, err := j.problem.Differences()
	if err != nil || s.Residual < mostOfDifferences*differences {
		return true, err
	}
	j.log.Warn("the resolution is unknown: the object does not explain how the patterns differ; check the scan with "+
		"ptyx validate", "residual", fmt.Sprintf("%.4f", s.Residual), "of_the_mean_pattern",
		fmt.Sprintf("%.4f", differences))
	return false, nil
}

// half solves half of the scan, from the start of the complete one.
func (j solution) half(ctx context.Context, half solve.Problem, number int) (metrics.Image, error) {
	j.problem, j.solver.Resume, j.solver.Checkpoint = half, "", ""
	if j.progress != nil {
		fmt.Fprintf(j.progress, "half %d of the scan: %d patterns\n", number, len(half.X))
	}
	s, err := j.solve(ctx)
	if err != nil {
		return metrics.Image{}, err
	}
	return metrics.Image{Object: s.Object, Row: s.Row, Col: s.Col, Coverage: s.Coverage}, nil
}
