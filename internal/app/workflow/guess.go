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

// betterProbe is the given probe of a scan, (N, N), or the one that ptyx makes if that explains the patterns much
// better. A solver that starts with the wrong sign of the defocus, or with half the width, does not find back.
func betterProbe(
	ctx context.Context, scan *dataset.Scan, given *ndarray.Complex64, seed uint64, log *slog.Logger,
) (*ndarray.Complex64, error) {
	found, err := guess.Improve(ctx, scan, given, seed)
	if err != nil {
		return nil, ofFile(fmt.Errorf("comparing the probe with others: %w", err), scan.Path)
	}
	if found.Probe == nil {
		log.Debug("no other probe explains the patterns much better", "scan", scan.Path, "residual",
			found.Residual, "residual_as_given", found.Given)
		return given, nil
	}
	cause := "check the pixel size, the distance and the defocus"
	if found.Twin {
		cause = "its defocus may have the wrong sign, or both axes of the positions are flipped"
	}
	log.Warn("the probe does not explain the patterns, so ptyx starts with one that it makes from them: "+cause+
		" (--freeze probe:1 keeps the given one)", "scan", scan.Path, "residual", fmt.Sprintf("%.4f", found.Residual),
		"residual_as_given", fmt.Sprintf("%.4f", found.Given))
	return found.Probe, nil
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
