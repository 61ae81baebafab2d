package guess

import (
	"context"
	"fmt"
	"log/slog"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// Better is the given probe of a scan, (N, N), or the one that Improve found, with a warning. A solver or a calibration
// that starts with the wrong sign of the defocus, or with half the width, does not find back. keep is the flag that
// keeps the given probe.
func Better(
	ctx context.Context, scan *dataset.Scan, given *ndarray.Complex64, seed uint64, keep string, log *slog.Logger,
) (*ndarray.Complex64, error) {
	found, err := Improve(ctx, scan, given, seed)
	if err != nil {
		return nil, fmt.Errorf("comparing the probe with others: %w", err)
	}
	if found.Probe == nil {
		log.Debug("no other probe explains the patterns much better", "scan", scan.Path, "residual",
			found.Residual, "residual_as_given", found.Given)
		return given, nil
	}
	cause := "check the pixel size, the distance, the defocus and the positions"
	switch {
	case found.Alone:
		cause = "this one explains each pattern alone, so the positions may be wrong instead, which --positions of " +
			"ptyx solve finds out; else check the pixel size, the distance and the defocus"
	case found.Twin:
		cause = "its defocus may have the wrong sign, or both axes of the positions are flipped"
	}
	log.Warn("the probe does not explain the patterns, so ptyx starts with one that it makes from them: "+cause+
		" ("+keep+" keeps the given one)", "scan", scan.Path, "residual", fmt.Sprintf("%.4f", found.Residual),
		"residual_as_given", fmt.Sprintf("%.4f", found.Given))
	return found.Probe, nil
}
