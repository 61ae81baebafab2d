package workflow

import (
	"context"
	"log/slog"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/validate"
	"ptyx/internal/scan/dataset"
)

// warnOfFaults looks at the first patterns and the positions of a scan, and logs a line for each fault that would spoil
// the object. probe is the one that reconstructs, (N, N); of another size or nil, the patterns are looked at alone.
func warnOfFaults(ctx context.Context, scan *dataset.Scan, probe *ndarray.Complex64, log *slog.Logger) {
	if probe != nil && probe.Shape[0] != scan.N {
		probe = nil
	}
	for _, f := range validate.Quick(ctx, scan, probe) {
		log.Warn(f.Line(), "scan", scan.Path, "check", f.Check)
	}
}
