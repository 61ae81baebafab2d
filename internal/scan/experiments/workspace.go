package experiments

import (
	"math"
	"math/rand/v2"

	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/scenery"
)

// workspace holds what the making of a group of n x n pixels needs, so that samples allocate next to nothing.
type workspace struct {
	*rand.Rand
	n          int
	window     *field // (n, n), of the probe
	scene      *field // twice as wide, of the object, in which the windows of a group lie
	area       *field // that which is being written on
	propagator *optics.Propagator
	truth      []complex128 // (n, n), far field of the probe
	given      []complex128 // (n, n), that of the probe that the network is given
	shift      [2]float64   // by which that is misplaced, along rows and columns, in pixels
	power      float64      // of the probe that the network is given, relative to the true one
	width      float64      // diameter of the probe in pixels, see Sample
	wave       []complex128 // (n, n)
	light      []float32    // (n, n)
	intensity  []float64    // (n, n)
	spare      []float64    // (n, n)
	dead       []int        // pixels
}

// field is the work space of a simulated field of size x size pixels.
type field struct {
	size      int
	far       *spectrum.Transform
	wave      []complex128
	grain     []float64          // texture of a diffuser
	canvas    [2]*scenery.Canvas // thickness for the phase and for the absorption
	radial    []float64          // factors of a noise by the square of its frequency
	logs      []float64          // of those frequencies, up to a constant
	cycles    []float64          // (size), frequencies in cycles per window
	rows      []complex128       // (size), factors of rows
	columns   []complex128       // (size)
	nodes     []node             // of cells
	nodesWide int
}

func newWorkspace(n int) *workspace {
	pixels := n * n
	w := &workspace{
		n: n, window: newField(n, n), scene: newField(n, 2*n), propagator: optics.NewPropagator(n),
		truth: make([]complex128, pixels), given: make([]complex128, pixels), wave: make([]complex128, pixels),
		light: make([]float32, pixels), intensity: make([]float64, pixels), spare: make([]float64, pixels),
	}
	w.area = w.window
	return w
}

func newField(n, size int) *field {
	pixels := size * size
	f := &field{
		size: size, far: spectrum.NewTransform(size, size), wave: make([]complex128, pixels),
		grain:  make([]float64, pixels),
		canvas: [2]*scenery.Canvas{scenery.NewCanvas(size, size), scenery.NewCanvas(size, size)},
		radial: make([]float64, size*size/2+1), logs: make([]float64, size*size/2+1),
		cycles: make([]float64, size), rows: make([]complex128, size), columns: make([]complex128, size),
	}
	for i := range f.cycles {
		f.cycles[i] = float64(spectrum.Frequency(i, size)) * float64(n) / float64(size)
	}
	for square := 1; square < len(f.logs); square++ {
		f.logs[square] = math.Log(float64(square)) / 2
	}
	return f
}

// factor multiplies the wave with the factors of its rows and columns.
func (f *field) factor() {
	for r, down := range f.rows {
		row := f.wave[r*f.size:][:f.size]
		for c, v := range row {
			if v != 0 {
				row[c] = v * (down * f.columns[c])
			}
		}
	}
}
