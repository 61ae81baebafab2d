package convert

import (
	"fmt"

	"ptyx/internal/format/npz"
)

// Patterns is a file of patterns alone, as ptychodus reads them, HDF5 or NPZ.
const Patterns Target = "patterns"

var patterns = target{Patterns, "patterns for ptychodus", []string{".h5", ".hdf5", ".hdf", ".npz"}, writePatterns}

// writePatterns writes counts: dp in HDF5, patterns and indexes in NPZ.
func writePatterns(w *writer) error {
	if w.scan == nil {
		return w.missing("no patterns", "a scan", "")
	}
	w.note("%d patterns of %d x %d", w.scan.M, w.scan.N, w.scan.N)
	w.leaveOut(fmt.Sprintf("%d positions and the rest, which ptychodus keeps in a product: --to product", len(w.x)))
	if w.isNPZ() {
		return w.arrays([]npz.Member{{Key: "indexes", Value: w.index}, {Key: "patterns", Value: w.counts()}})
	}
	return w.arrays([]npz.Member{{Key: "dp", Value: w.counts()}})
}
