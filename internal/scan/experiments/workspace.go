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
	window     *field             // (n, n), of the probe
	scene      *field             // twice as wide, of the object, in which the windows of a group lie
	area       *field             // that which is being written on
	cycles     []float64          // (n), frequencies of the probe in cycles per window
	grain      []float64          // (n, n), texture of a diffuser
	canvas     [2]*scenery.Canvas // of the scene, thickness for the phase and for the absorption
	nodes      []node             // of cells
	nodesWide  int
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
	size    int
	far     *spectrum.Transform
	wave    []complex128
	radial  []float64    // factors of a noise by the square of its frequency
	logs    []float64    // of those frequencies, up to a constant
	rows    []complex128 // (size), factors of rows
	columns []complex128 // (size)
}

func newWorkspace(n int) *workspace {
	pixels := n * n
	w := &workspace{
		n: n, window: newField(n), scene: newField(2 * n), propagator: optics.NewPropagator(n),
		cycles: make([]float64, n), grain: make([]float64, pixels),
		canvas: [2]*scenery.Canvas{scenery.NewCanvas(2*n, 2*n), scenery.NewCanvas(2*n, 2*n)},
		truth:  make([]complex128, pixels), given: make([]complex128, pixels), wave: make([]complex128, pixels),
		light: make([]float32, pixels), intensity: make([]float64, pixels), spare: make([]float64, pixels),
	}
	for i := range w.cycles {
		w.cycles[i] = float64(spectrum.Frequency(i, n))
	}
	w.area = w.window
	return w
}

func newField(size int) *field {
	pixels := size * size
	f := &field{
		size: size, far: spectrum.NewTransform(size, size), wave: make([]complex128, pixels),
		radial: make([]float64, size*size/2+1), logs: make([]float64, size*size/2+1),
		rows: make([]complex128, size), columns: make([]complex128, size),
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
