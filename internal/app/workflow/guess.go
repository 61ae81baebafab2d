package workflow

import (
	"context"
	"fmt"
	"log/slog"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/guess"
	"ptyx/internal/scan/dataset"
)

// missingProbe makes the probe of a scan that has none, (N, N), and logs so.
func missingProbe(ctx context.Context, scan *dataset.Scan, seed uint64, log *slog.Logger) (*ndarray.Complex64, error) {
	log.Info("the scan has no probe: ptyx makes one from the patterns", "scan", scan.Path)
	probe, _, err := guessedProbe(ctx, scan, seed, log)
	return probe, err
}

// guessedProbe makes a probe from the patterns of a scan, (N, N). It returns the residual of the patterns, too.
func guessedProbe(
	ctx context.Context, scan *dataset.Scan, seed uint64, log *slog.Logger,
) (*ndarray.Complex64, float64, error) {
	g, err := guess.FromPatterns(ctx, scan, seed)
	if err != nil {
		return nil, 0, ofFile(fmt.Errorf("making a probe from the patterns: %w", err), scan.Path)
	}
	log.Info("probe made from the patterns", "scan", scan.Path, "residual", fmt.Sprintf("%.4f", g.Residual),
		"candidates", g.Tried, "patterns", g.Patterns)
	return g.Probe, g.Residual, nil
}

// guessProbes gives each scan without a probe one from its patterns. First it warns of faults, with which no probe
// helps.
func (s scanFiles) guessProbes(ctx context.Context, seed uint64, log *slog.Logger) error {
	for _, scan := range s {
		warnOfFaults(ctx, scan, scan.Probe, log)
		if scan.Probe != nil {
			continue
		}
		probe, err := missingProbe(ctx, scan, seed, log)
		if err != nil {
			return err
		}
		scan.Probe = probe
		scan.Modes = ndarray.Wrap(probe.Data, 1, scan.N, scan.N)
	}
	return nil
}
