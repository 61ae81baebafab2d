package source

import (
	"bytes"
	"os"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// matlab is a file of MATLAB 7.3, which is HDF5 behind a block of text. MATLAB stores arrays with the axes in reverse
// order. Patterns (H, W, M), or (H, W, A, B) of a raster, have a known name or are the only array of three or four
// axes. Probe and object are (N, N) and (H, W) with modes or layers behind. A result of PtychoShelves has its numbers
// in the structures p and outputs.
var matlab = layout{
	name: "MATLAB 7.3",
	recognise: func(r *reader) bool {
		_, is := r.file.(hdf5File)
		return is && isMATLAB(r.Path())
	},
	read: func(r *reader) {
		f := &r.Facts
		names, err := r.file.Names()
		r.keep(err)
		r.matlabPatterns(names)
		r.takeReversed(Probe, Probe, "probe", "probe0")
		r.takeReversed(Object, Object, "object")
		r.take(X, X)
		r.take(Y, Y)
		r.matlabPositions()
		r.flatFacts()
		unit, wavelength := 1.0, 0.0
		r.number(&wavelength, "p/lambda")
		if wavelength > longestWavelength {
			unit = 1e-10 // of electrons, PtychoShelves keeps all lengths in angstroms
		}
		if wavelength > 0 {
			f.EnergyEV = planckC / (unit * wavelength)
		}
		if r.has("p/dx_spec") {
			f.PixelY, f.PixelX = r.pair("p/dx_spec")
			f.PixelY, f.PixelX = unit*f.PixelY, unit*f.PixelX
		}
	},
}

// longestWavelength is more than that of any scan, in metres.
const longestWavelength = 1e-4

// isMATLAB reports whether a file begins with the text of MATLAB 7.3.
func isMATLAB(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 10)
	n, _ := f.Read(start)
	return bytes.Equal(start[:n], []byte("MATLAB 7.3"))
}

// matlabPatterns finds the patterns among the arrays of the file.
func (r *reader) matlabPatterns(names []string) {
	place := r.first(Patterns, PatternsAlias, "dp", "cbed", "patterns")
	if place == "" {
		place = r.onlyStack(names)
	}
	if place == "" {
		return
	}
	all, found := r.patterns(place)
	if !found {
		return
	}
	if len(all.stored) == 4 {
		r.Facts.Raster = Raster{Rows: all.stored[1], Columns: all.stored[0], ByColumn: true}
	}
	all = all.oriented(exchangeAxes)
	r.members[Patterns] = member{place: all.place, array: all}
}

// onlyStack is the only array of real numbers with three axes or more.
func (r *reader) onlyStack(names []string) string {
	others := []string{Probe, "probe", "probe0", Object, "object"}
	var stacks []string
	for _, name := range names {
		if _, group := r.inside(name); group || slices.Contains(others, name) {
			continue
		}
		a, err := r.file.open(name)
		if err != nil {
			continue // MATLAB stores much that is no array of numbers
		}
		if h, err := a.Header(); err == nil && h.Real() && len(h.Shape) >= 3 {
			stacks = append(stacks, name)
		}
	}
	if len(stacks) > 1 {
		r.fail(listed(stacks), "several arrays that may be the patterns", "one", "name one with --patterns")
	}
	if len(stacks) != 1 {
		return ""
	}
	return stacks[0]
}

// matlabPositions takes positions that programs for MATLAB write: ppX and ppY in metres, or those in pixels of a result
// of PtychoShelves, (M, 2), which MATLAB stores as (2, M). Both are the sample's.
func (r *reader) matlabPositions() {
	if r.Has(X) || r.err != nil {
		return
	}
	if r.has("ppX") && r.has("ppY") {
		_, x, _ := r.values("ppX")
		place, y, _ := r.values("ppY")
		r.metres(place, x, y)
		r.Facts.SampleMotion = true
		return
	}
	place, all, shape := r.values("outputs/probe_positions")
	if len(shape) != 2 || shape[0] != 2 {
		return
	}
	count := shape[1]
	r.members[X] = member{place: place, values: all[:count]}
	r.members[Y] = member{place: place, values: all[count:]}
	r.Facts.SampleMotion = true
}

// takeReversed gives an array whose last two axes MATLAB has exchanged a name of the contract.
func (r *reader) takeReversed(key string, paths ...string) {
	place, a := r.find(paths...)
	if a == nil {
		return
	}
	h, err := a.Header()
	r.keep(err)
	if err == nil && h.Numeric() && len(h.Shape) >= 2 {
		r.members[key] = member{place: place, array: reversed{a}}
	}
}

// reversed is an array with its last two axes exchanged.
type reversed struct{ array }

func (a reversed) Header() (npz.Header, error) {
	h, err := a.array.Header()
	if n := len(h.Shape); n >= 2 {
		h.Shape = slices.Clone(h.Shape)
		h.Shape[n-1], h.Shape[n-2] = h.Shape[n-2], h.Shape[n-1]
	}
	return h, err
}

func (a reversed) Complex64() (*ndarray.Complex64, error) {
	all, err := a.array.Complex64()
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(all.Shape)
	n := len(shape)
	h, w := shape[n-2], shape[n-1]
	shape[n-2], shape[n-1] = w, h
	out := ndarray.New[complex64](shape...)
	for at := 0; at+h*w <= len(all.Data); at += h * w {
		for i := range h {
			for j := range w {
				out.Data[at+j*h+i] = all.Data[at+i*w+j]
			}
		}
	}
	return out, nil
}
