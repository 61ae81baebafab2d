package experiments_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/experiments"
)

// several makes samples of all kinds, in groups.
func several(t *testing.T, count, n int, do func(i int, s *experiments.Sample)) {
	t.Helper()
	g := experiments.New(3, experiments.All())
	group := samples(3)
	for i := range count {
		if i%len(group) == 0 {
			g.Fill(uint64(i), n, group)
		}
		s := group[i%len(group)]
		do(i, s)
		if t.Failed() {
			t.Fatalf("sample %d: %s behind %s, %.3g photons", i, s.ObjectKind, s.ProbeKind, s.Photons)
		}
	}
}

// TestSamplesAreWithinTheirRanges also sees that nothing is NaN, at several sizes.
func TestSamplesAreWithinTheirRanges(t *testing.T) {
	t.Parallel()
	for _, n := range []int{32, 40, 64, 128} {
		several(t, 100, n, func(_ int, s *experiments.Sample) {
			check := func(what string, v, low, high float64) {
				if !(v >= low && v <= high) {
					t.Errorf("%s %g is not between %g and %g, of %d pixels", what, v, low, high, n)
				}
			}
			// 1e4 to 1e9 of the first of a group; an object lets pass a tenth of the light somewhere and all elsewhere
			check("photons", s.Photons, 900, 1.2e10)
			check("place", float64(s.Row), -float64(n/2), float64(n/2))
			check("place", float64(s.Col), -float64(n/2), float64(n/2))
			check("width", s.Width/float64(n), 0.04, 1.13)
			for i := range s.Object {
				check("amplitude of the object", cmplx.Abs(complex128(s.Object[i])), 0.299, 3.4)
				check("light", float64(s.Light[i]), 0, 1e12)
				check("given probe", cmplx.Abs(complex128(s.Probe[i])), 0, 1e6)
				check("pattern", float64(s.Amplitude[i]), 0, 1e6)
			}
		})
	}
}

// TestPhotonsAreCounted: a pattern has its photons within the error of a Poisson distribution, where nothing adds to
// them or takes away from them.
func TestPhotonsAreCounted(t *testing.T) {
	t.Parallel()
	const enough = 3e7 // with fewer photons, faults change the sum less than chance does
	count, clean, squares := 0, 0, 0.0
	several(t, 2000, 32, func(_ int, s *experiments.Sample) {
		if s.Photons < enough {
			return
		}
		count++
		counted := 0.0
		for _, a := range s.Amplitude {
			counted += float64(a) * float64(a)
		}
		if z := (counted - s.Photons) / math.Sqrt(s.Photons); math.Abs(z) < 3 {
			clean++
			squares += z * z
		}
	})
	// 79% of all detectors have no fault that changes the sum. Dead pixels in the dark and a weak background hardly do.
	if share := float64(clean) / float64(count); count < 300 || share < 0.7 || share > 0.95 {
		t.Errorf("%.2f of the patterns have their photons", share)
	}
	if variance := squares / float64(clean); variance < 0.85 || variance > 1.4 {
		t.Errorf("counts have %.2f times the variance of a Poisson distribution", variance)
	}
}

// TestPatternsAreThoseOfProbeAndObject: |F(P O)|^2 of a sample whose probe is given right explains its counts, if the
// detector has no fault.
func TestPatternsAreThoseOfProbeAndObject(t *testing.T) {
	t.Parallel()
	const n = 64
	propagator, wave, intensity := optics.NewPropagator(n), make([]complex128, n*n), make([]float64, n*n)
	exact, explained := 0, 0
	several(t, 600, n, func(_ int, s *experiments.Sample) {
		if s.Photons < 1e5 || !lit(s) {
			return
		}
		exact++
		for i, p := range s.Probe {
			wave[i] = complex128(p) * complex128(s.Object[i])
		}
		propagator.Intensity(wave, intensity)
		squares, bright := 0.0, 0.0
		for i, v := range intensity {
			if v > 20 {
				d := float64(s.Amplitude[i]) - math.Sqrt(v)
				squares, bright = squares+4*d*d, bright+1
			}
		}
		if chi := squares / bright; chi > 0.8 && chi < 1.2 {
			explained++
		}
	})
	// Of the patterns whose probe is exact, 0.95 are not blurred, and 0.8 of those have no other fault.
	if share := float64(explained) / float64(exact); exact < 100 || share < 0.6 || share > 0.95 {
		t.Errorf("%d of %d patterns are explained by probe and object", explained, exact)
	}
}

// lit reports whether the given probe is the true one.
func lit(s *experiments.Sample) bool {
	most := slices.Max(s.Light)
	for i, p := range s.Probe {
		if d := real(p)*real(p) + imag(p)*imag(p) - s.Light[i]; math.Abs(float64(d)) > 1e-5*float64(most) {
			return false
		}
	}
	return true
}

// TestGivenProbesResembleTheTrueOnes: nine of ten are exact; the others have nearly its light, in nearly its places.
func TestGivenProbesResembleTheTrueOnes(t *testing.T) {
	t.Parallel()
	const count = 600
	exact, least := 0, 1.0
	several(t, count, 64, func(_ int, s *experiments.Sample) {
		if lit(s) {
			exact++
		}
		var true2, given2, product, sum, given float64
		for i, p := range s.Probe {
			v, l := float64(real(p)*real(p)+imag(p)*imag(p)), float64(s.Light[i])
			true2, given2, product, sum, given = true2+l*l, given2+v*v, product+l*v, sum+l, given+v
		}
		if ratio := given / sum; ratio < math.Exp(-0.151) || ratio > math.Exp(0.151) {
			t.Errorf("a probe is given with %.3f times its power", ratio)
		}
		least = min(least, product/math.Sqrt(true2*given2))
	})
	if share := float64(exact) / count; share < 0.85 || share > 0.95 {
		t.Errorf("%.2f of the probes are exact", share)
	}
	if least < 0.3 {
		t.Errorf("a given probe has a likeness of %.2f to the true one", least)
	}
}

// TestEveryKindOccurs also sees that a training can leave kinds out, and that they can be had alone.
func TestEveryKindOccurs(t *testing.T) {
	t.Parallel()
	all, heldOut := experiments.All(), experiments.HeldOut()
	if len(heldOut.Objects) == 0 || len(heldOut.Probes) == 0 {
		t.Fatalf("nothing is held out: %v", heldOut)
	}
	for what, kinds := range map[string]experiments.Kinds{
		"all": all, "training": all.Without(heldOut), "held out": heldOut,
	} {
		g := experiments.New(5, kinds)
		seen := experiments.Kinds{}
		note := func(list *[]string, name string) {
			if !slices.Contains(*list, name) {
				*list = append(*list, name)
			}
		}
		group := samples(1)
		for i := range 600 {
			g.Fill(uint64(i), 32, group)
			note(&seen.Objects, group[0].ObjectKind)
			note(&seen.Probes, group[0].ProbeKind)
		}
		slices.Sort(seen.Objects)
		slices.Sort(seen.Probes)
		want := experiments.Kinds{
			Objects: slices.Sorted(slices.Values(kinds.Objects)), Probes: slices.Sorted(slices.Values(kinds.Probes)),
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, seen, want)
		}
	}
}

// TestSamplesAllocateLittle: a training makes millions.
func TestSamplesAllocateLittle(t *testing.T) {
	g := experiments.New(5, experiments.All())
	group := samples(4)
	at := uint64(0)
	for ; at < 300; at++ {
		g.Fill(at, 32, group)
	}
	if each := testing.AllocsPerRun(200, func() { g.Fill(at, 32, group); at++ }); each > 10 {
		t.Errorf("%g allocations a group", each)
	}
}

// TestAGroupHasOneObjectAndOneProbe: where windows overlap, they show the same object, and the probes differ by a
// subpixel shift alone, which keeps the modulus of the far field.
func TestAGroupHasOneObjectAndOneProbe(t *testing.T) {
	t.Parallel()
	const n, members = 32, 5
	g, group, far := experiments.New(6, experiments.All()), samples(members), spectrum.NewTransform(n, n)
	shared := 0
	modulus := func(s *experiments.Sample) []complex128 {
		wave := make([]complex128, n*n)
		for i, p := range s.Probe {
			wave[i] = complex128(p)
		}
		far.Forward(wave)
		return wave
	}
	for index := range uint64(40) {
		g.Fill(index, n, group)
		a := group[0]
		first, most := modulus(a), 0.0
		for _, v := range first {
			most = max(most, cmplx.Abs(v))
		}
		for _, b := range group[1:] {
			for r := max(0, b.Row-a.Row); r < min(n, n+b.Row-a.Row); r++ {
				for c := max(0, b.Col-a.Col); c < min(n, n+b.Col-a.Col); c++ {
					shared++
					if a.Object[r*n+c] != b.Object[(r+a.Row-b.Row)*n+c+a.Col-b.Col] {
						t.Fatalf("group %d: two objects", index)
					}
				}
			}
			for i, v := range modulus(b) {
				// complex64 rounds at 6e-8, of sums of 1024 values.
				if d := math.Abs(cmplx.Abs(v) - cmplx.Abs(first[i])); !(d < 1e-5*most) {
					t.Fatalf("group %d: two probes, %g of %g", index, d, most)
				}
			}
			if b.Row == a.Row && b.Col == a.Col {
				t.Errorf("group %d: two patterns of one place", index)
			}
		}
	}
	if shared < 40*members*n {
		t.Errorf("windows share only %d pixels", shared)
	}
}

// TestUnknownKindsPanic: a generator without kinds would have nothing to draw from.
func TestUnknownKindsPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	experiments.New(1, experiments.Kinds{Objects: []string{"unicorns"}, Probes: experiments.All().Probes})
}
