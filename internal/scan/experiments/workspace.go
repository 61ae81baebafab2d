package experiments

import (
	"math"
	"math/rand/v2"

	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/scenery"
)

// workspace holds what the making of a sample of n x n pixels needs, so that samples allocate next to nothing.
type workspace struct {
	*rand.Rand
	n          int
	size       int    // pixels of the simulated field: n, or 2n where tails of the probe count
	area       *field // of that size
	areas      [2]*field
	propagator *optics.Propagator
	wave       []complex128 // (n, n)
	given      []complex128 // (n, n), the probe that the network is given
	intensity  []float64    // (n, n)
	spare      []float64    // (n, n)
}

// field is the work space of a simulated field of size x size pixels.
type field struct {
	size      int
	far       *spectrum.Transform
	wave      []complex128
	probe     []complex128       // the true one, centred
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
	return &workspace{
		n: n, propagator: optics.NewPropagator(n),
		wave: make([]complex128, n*n), given: make([]complex128, n*n),
		intensity: make([]float64, n*n), spare: make([]float64, n*n),
	}
}

// reach chooses the simulated field: the window, or one twice as wide.
func (w *workspace) reach(factor int) {
	w.size = factor * w.n
	if w.areas[factor-1] == nil {
		w.areas[factor-1] = newField(w.n, w.size)
	}
	w.area = w.areas[factor-1]
}

func newField(n, size int) *field {
	pixels := size * size
	f := &field{
		size: size, far: spectrum.NewTransform(size, size), wave: make([]complex128, pixels),
		probe: make([]complex128, pixels), grain: make([]float64, pixels),
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

// window calls do for every pixel of the window, in the middle of the field, with its index in both.
func (w *workspace) window(do func(inWindow, inField int)) {
	first := (w.size - w.n) / 2
	for r := range w.n {
		for c := range w.n {
			do(r*w.n+c, (first+r)*w.size+first+c)
		}
	}
}
