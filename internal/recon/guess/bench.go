package guess

import (
	"context"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// bench is where candidates are tried: the part of the detector that has the light. A smaller part means larger pixels
// of the object, a field of view as large as before, and much less work.
type bench struct {
	*survey
	n    int       // side of that part
	mean []float64 // (n, n), without its background

	problem  solve.Problem    // has the patterns that try the candidates, without a probe
	patterns solve.Amplitudes // problem.Patterns
}

const (
	lightShare = 0.95 // of the light, in the part of the detector that is used
	mostSide   = 256  // pixels of the part at most
	tryOut     = 100  // patterns at most
	leastTried = 30   // of them, if the part is large
	spacing    = 0.03 // of the patterns that are used, as a share of the frame
)

// sides are those that are used, where the complete detector is larger.
var sides = []int{64, 96, 128, 192, mostSide}

// newBench reads some patterns of a scan and keeps those of the problem.
func newBench(ctx context.Context, scan *dataset.Scan, seed uint64) (*bench, error) {
	s, err := newSurvey(ctx, scan, seed)
	if err != nil {
		return nil, err
	}
	b := lightOf(s)
	return b, b.load(ctx)
}

// candidates are the probes of a guess.
func (b *bench) candidates() []*trial {
	return candidates(b.mean, b.n, beamWidth(b.patterns, b.problem.Measured))
}

// lightOf is a bench with the part of the detector that has the light.
func lightOf(s *survey) *bench {
	b := &bench{survey: s, n: s.scan.N}
	full := withoutBackground(s.mean)
	all := sum(full)
	for _, n := range sides {
		if n >= s.scan.N {
			break
		}
		if part := cut(full, s.scan.N, n); n == mostSide || sum(part) >= lightShare*all {
			b.n, b.mean = n, part
			return b
		}
	}
	b.mean = full
	return b
}

// withoutBackground subtracts what all pixels have: a tenth of them has less.
func withoutBackground(mean []float64) []float64 {
	sorted := slices.Sorted(slices.Values(mean))
	background := sorted[len(sorted)/10]
	out := make([]float64, len(mean))
	for i, v := range mean {
		out[i] = max(0, v-background)
	}
	return out
}

// cut is the middle (to, to) of an image (from, from).
func cut[T any](image []T, from, to int) []T {
	out, margin := make([]T, 0, to*to), from/2-to/2
	for r := range to {
		out = append(out, image[(r+margin)*from+margin:][:to]...)
	}
	return out
}

func sum(v []float64) (total float64) {
	for _, x := range v {
		total += x
	}
	return total
}

// load reads the patterns that try the candidates.
func (b *bench) load(ctx context.Context) error {
	p, n := &b.problem, b.scan.N
	count := min(tryOut, max(leastTried, tryOut*128*128/(b.n*b.n)))
	ids, err := b.members(ctx, count, spacing*float64(n))
	if err != nil {
		return err
	}
	all, err := b.scan.LoadSelected(ids)
	if err != nil {
		return err
	}
	b.patterns = solve.Amplitudes{Float32: ndarray.New[float32](len(ids), b.n, b.n)}
	p.Patterns = b.patterns
	scale := float64(b.n) / float64(n) // of the object's pixels
	for k, id := range ids {
		copy(b.patterns.Data[k*b.n*b.n:], cut(all.Data[k*n*n:(k+1)*n*n], n, b.n))
		p.X, p.Y = append(p.X, b.scan.X[id]*scale), append(p.Y, b.scan.Y[id]*scale)
	}
	if b.scan.Measured != nil {
		p.Measured = cut(b.scan.Measured, n, b.n)
	}
	return nil
}

// enlarged is a probe of the part (n, n) for the complete detector (N, N): its far field is dark outside of the part.
func (b *bench) enlarged(probe *ndarray.Complex64) *ndarray.Complex64 {
	full := b.scan.N
	if full == b.n {
		return probe
	}
	f := spectrum.New(b.n, b.n)
	for i, v := range probe.Data {
		f.Data[i] = complex128(v)
	}
	f = f.Roll(-(b.n / 2), -(b.n / 2))
	f.FFT()
	f = f.Centre()
	wide, margin := spectrum.New(full, full), full/2-b.n/2
	for r := range b.n {
		copy(wide.Data[(r+margin)*full+margin:], f.Data[r*b.n:(r+1)*b.n])
	}
	wide = wide.Roll(-(full / 2), -(full / 2))
	wide.IFFT()
	return asProbe(wide.Centre(), float64(full)/float64(b.n)) // keeps the power
}

// asProbe is a field (N, N), times a factor.
func asProbe(f *spectrum.Field, factor float64) *ndarray.Complex64 {
	out := ndarray.New[complex64](f.H, f.W)
	for i, v := range f.Data {
		out.Data[i] = complex64(v * complex(factor, 0))
	}
	return out
}
