package trainer

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/experiments"
)

// solved is a scan whose object and probe are known, from a solver or another program. Its patterns are samples.
type solved struct {
	scan     *dataset.Scan
	patterns *ndarray.Float32   // (M, N, N)
	probe    *ndarray.Complex64 // (N, N), in the unit of the patterns
	inside   []int              // patterns whose patch lies on the object
}

// solvedKind is the kind of objects and probes of solved scans in tables of errors.
const solvedKind = "solved"

// newSolved reads the patterns of a solved scan into memory. Faults are *badinput.Error.
func newSolved(scan *dataset.Scan) (*solved, error) {
	s := &solved{scan: scan}
	if scan.Object == nil || scan.Probe == nil {
		return nil, &badinput.Error{
			File: scan.Path, Key: dataset.KeyObject, Found: "no object or no probe", Expected: "a scan with both",
			Remedy: "solve the scan, and write it with its object by ptyx convert",
		}
	}
	for i := range scan.M {
		row, col := frame.Corner(scan.X[i], scan.Y[i], scan.N)
		if row >= 0 && col >= 0 && row+scan.N <= scan.Object.Shape[0] && col+scan.N <= scan.Object.Shape[1] {
			s.inside = append(s.inside, i)
		}
	}
	if len(s.inside) == 0 {
		return nil, &badinput.Error{
			File: scan.Path, Key: dataset.KeyObject, Found: "no pattern whose complete patch lies on the object",
			Expected: "the object on which xcoords and ycoords count, from its top left pixel on",
		}
	}
	ids := make([]int, scan.M)
	for i := range ids {
		ids[i] = i
	}
	var err error
	if s.patterns, err = scan.LoadSelected(ids); err != nil {
		return nil, err
	}
	return s, s.scale()
}

// scale gives the probe the power with which the object explains the mean pattern.
func (s *solved) scale() error {
	measured, modelled := 0.0, 0.0
	for _, i := range s.inside {
		n := s.scan.N
		for _, a := range s.patterns.Data[i*n*n : (i+1)*n*n] {
			measured += float64(a) * float64(a)
		}
		patch := s.patch(i)
		for k, p := range s.scan.Probe.Data {
			v := complex128(p) * complex128(patch.Data[k])
			modelled += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	if !(measured > 0) || !(modelled > 0) || math.IsInf(modelled, 0) {
		return &badinput.Error{
			File: s.scan.Path, Key: dataset.KeyObject,
			Found:    fmt.Sprintf("an object and a probe of power %g", modelled),
			Expected: "light in the patterns, the probe and the object, and finite values",
		}
	}
	s.probe = s.scan.Probe.Clone()
	optics.NormalisePower(s.probe, optics.Power(s.probe)*measured/modelled)
	return nil
}

// patch is the object (N, N) under a pattern.
func (s *solved) patch(i int) *ndarray.Complex64 {
	n, width := s.scan.N, s.scan.Object.Shape[1]
	row, col := frame.Corner(s.scan.X[i], s.scan.Y[i], n)
	patch := ndarray.New[complex64](n, n)
	for r := range n {
		from := (row+r)*width + col
		copy(patch.Data[r*n:(r+1)*n], s.scan.Object.Data[from:from+n])
	}
	return patch
}

// fill makes a group of a pattern drawn at random and its nearest neighbours on the canvas around it. Where there are
// few, they are repeated.
func (s *solved) fill(rng *rand.Rand, into []*sample) {
	x, y := s.scan.X, s.scan.Y
	first := s.inside[rng.IntN(len(s.inside))]
	distance := func(i int) float64 { return math.Hypot(x[i]-x[first], y[i]-y[first]) }
	half := s.scan.N / 2
	place := func(i int) (row, col int) {
		row, col = frame.Corner(x[i], y[i], s.scan.N)
		fromRow, fromCol := frame.Corner(x[first], y[first], s.scan.N)
		return row - fromRow, col - fromCol
	}
	near := slices.DeleteFunc(slices.Clone(s.inside), func(i int) bool {
		row, col := place(i)
		return max(row, -row, col, -col) > half
	})
	slices.SortStableFunc(near, func(a, b int) int { return cmp.Compare(distance(a), distance(b)) })
	for k, one := range into {
		i := near[k%len(near)]
		shown := s.sample(i)
		shown.Row, shown.Col = place(i)
		one.take(shown)
	}
}

// sample is a pattern of the scan. It shares arrays with it.
func (s *solved) sample(i int) *experiments.Sample {
	n := s.scan.N
	probe := optics.ShiftProbe(s.probe, frame.Fraction(s.scan.Y[i]), frame.Fraction(s.scan.X[i]))
	into := &experiments.Sample{
		N: n, Amplitude: s.patterns.Data[i*n*n : (i+1)*n*n], Probe: probe.Data, Object: s.patch(i).Data,
		Light: make([]float32, n*n), ObjectKind: solvedKind, ProbeKind: solvedKind,
	}
	for _, a := range into.Amplitude {
		into.Photons += float64(a) * float64(a)
	}
	for k, p := range probe.Data {
		into.Light[k] = real(p)*real(p) + imag(p)*imag(p)
	}
	return into
}

// solvedGroup draws whether a group is one of a solved scan, and fills it.
func (s *supply) solvedGroup(rng *rand.Rand, n int, into []*sample) bool {
	var fit []*solved
	for _, one := range s.solved {
		if one.scan.N == n {
			fit = append(fit, one)
		}
	}
	if len(fit) == 0 || rng.Float64() >= s.share {
		return false
	}
	fit[rng.IntN(len(fit))].fill(rng, into)
	return true
}
