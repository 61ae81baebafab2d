package simulate_test

import (
	"fmt"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// A given object, with positions on pixels, off them, and at the last one that the object reaches.
func TestNoiselessPatternsAreTheDirectTransform(t *testing.T) {
	x, y := []float64{32, 41.25, 57.5, 58.499, 32.5}, []float64{32, 47.875, 33, 48.4, 40}
	path := scene(t, map[string]any{dataset.KeyX: x, dataset.KeyY: y})
	scan := run(t, simulate.Options{ObjectFile: path, Noiseless: true})
	for j := range x {
		checkExact(t, "a given object", scan, j)
	}
}

func TestSimulatedScansAreTheDirectTransform(t *testing.T) {
	pick := 0
	for _, object := range []simulate.ObjectKind{simulate.Star, simulate.Lines, simulate.Blobs} {
		for _, probe := range []simulate.ProbeKind{simulate.Gaussian, simulate.Disk, simulate.ZonePlate} {
			for _, positions := range []simulate.ScanKind{simulate.Raster, simulate.Fermat, simulate.Random} {
				o := options()
				o.Object, o.Probe, o.Scan, o.Noiseless = object, probe, positions, true
				checkExact(t, fmt.Sprint(object, " ", probe, " ", positions), run(t, o), pick%o.Count)
				pick += 2
			}
		}
	}
}

// A made scan, taken as an object file, gives itself again: the truth that is written with a scan explains its
// patterns.
func TestAScanExplainsItself(t *testing.T) {
	o := options()
	o.Noiseless = true
	first := run(t, o)
	path := scene(t, map[string]any{dataset.KeyObject: first.Object, dataset.KeyProbe: first.Probe,
		dataset.KeyX: first.X, dataset.KeyY: first.Y})
	again := run(t, simulate.Options{ObjectFile: path, Noiseless: true})
	if !slices.Equal(again.Object.Data, first.Object.Data) || !slices.Equal(again.Probe.Data, first.Probe.Data) ||
		!slices.Equal(again.X, first.X) || !slices.Equal(again.Y, first.Y) {
		t.Error("the scene has changed on its way")
	}
	for j := range o.Count {
		checkExact(t, "again", again, j)
	}
}

// Files of one mode with an axis for it, of a real object, of coordinates as a column: the same patterns.
func TestFormsOfASceneFile(t *testing.T) {
	object, probe := random(1, 80, 90, 1), random(2, n, n, 1)
	want := run(t, simulate.Options{ObjectFile: scene(t, nil), Noiseless: true})
	for name, members := range map[string]map[string]any{
		"a mode's axis": {dataset.KeyProbe: ndarray.Wrap(probe.Data, 1, n, n)},
		"a trailing axis": {dataset.KeyProbe: ndarray.Wrap(probe.Data, n, n, 1),
			dataset.KeyObject: ndarray.Wrap(object.Data, 80, 90, 1)},
		"a column": {dataset.KeyX: ndarray.Wrap([]float32{32, 41.25, 57.5}, 3, 1)},
	} {
		if got := run(t, simulate.Options{ObjectFile: scene(t, members),
			Noiseless: true}); !slices.Equal(got.Patterns.Data, want.Patterns.Data) {
			t.Errorf("%s: other patterns", name)
		}
	}
}
