package solve

import (
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
)

func TestFreezeText(t *testing.T) {
	for text, want := range map[string]Freeze{
		"": {}, "probe": {Probe: always}, "probe:10": {Probe: 10},
		"object,positions:3": {Object: always, Positions: 3}, "object:1,probe:2,positions:3": {1, 2, 3},
	} {
		var f Freeze
		if err := f.UnmarshalText([]byte(text)); err != nil || f != want || f.String() != text {
			t.Errorf("%q: %+v, written %q, error %v", text, f, f.String(), err)
		}
	}
	for _, text := range []string{"prob", "probe:", "probe:0", "probe:-1", "probe;object", "probe,", ":3"} {
		if err := new(Freeze).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is no error", text)
		}
	}
}

// moved reports whether two objects, or probes, differ beyond rounding.
func moved(a, b *ndarray.Complex64) bool {
	power, far := 0.0, 0.0
	for i, v := range a.Data {
		d := complex128(v) - complex128(b.Data[i])
		far += real(d)*real(d) + imag(d)*imag(d)
		power += float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	return far > 1e-9*power
}

// TestTheProbeWaitsForTheObject: in the first pass from an empty object, the probe moves in the second half of the
// batches. A pass of one batch has none, and ePIE waits for the second pass.
func TestTheProbeWaitsForTheObject(t *testing.T) {
	p, _ := simulated(t, 12, 1e6)
	for _, c := range []struct {
		method Method
		batch  int
		moves  bool
	}{{LSQML, 6, true}, {LSQML, 12, false}, {EPIE, 0, false}} {
		o := usual()
		o.Method, o.BatchSize, o.Passes = c.method, c.batch, 1
		frozen := o
		frozen.Freeze.Probe = 1
		if got := moved(solved(t, p, o).Probe, solved(t, p, frozen).Probe); got != c.moves {
			t.Errorf("%s, batches of %d: the probe moved: %t", c.method, c.batch, got)
		}
	}
}

// TestFrozenPartsStay until their passes are over.
func TestFrozenPartsStay(t *testing.T) {
	p, _ := simulated(t, 40, 1e6)
	start := usual()
	start.Passes = 5
	p.Object = solved(t, p, start).Object
	p.Row, p.Col = 0, 0
	p.Probe = defocused(p.Probe, 0.02)
	for i := range p.X {
		p.X[i] += 0.3 * math.Sin(float64(i))
	}
	for _, method := range []Method{LSQML, EPIE} {
		var last *Solution
		for passes := 1; passes <= 4; passes++ {
			o := usual()
			o.Method, o.Passes, o.Positions, o.Freeze = method, passes, true, Freeze{Object: 1, Probe: 2, Positions: 3}
			s, err := newState(p, o)
			if err != nil {
				t.Fatal(err)
			}
			m, err := methods[method].new(s, fast(t, 2))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.solve(t.Context(), m, newGuard(s), keeper{}, func(Pass) {}); err != nil {
				t.Fatal(err)
			}
			if err := m.close(); err != nil {
				t.Fatal(err)
			}
			now := s.copied()
			if last != nil {
				got := []bool{
					moved(last.Object, now.Object), moved(last.Probe, now.Probe), !slices.Equal(last.X, now.X),
				}
				if want := []bool{passes > 1, passes > 2, passes > 3}; !slices.Equal(got, want) {
					t.Errorf("%s, pass %d moved object, probe, positions: %v, want %v", method, passes, got, want)
				}
			}
			last = now
		}
	}
}

// copied are object, probe and positions of a state.
func (s *state) copied() *Solution {
	c := &Solution{Object: ndarray.New[complex64](len(s.object.re)), Probe: ndarray.New[complex64](len(s.probeRe.Data))}
	for i, re := range s.object.re {
		c.Object.Data[i] = complex(re, s.object.im[i])
	}
	for i, re := range s.probeRe.Data {
		c.Probe.Data[i] = complex(re, s.probeIm.Data[i])
	}
	c.X = slices.Clone(s.x)
	return c
}

// TestProbeSupport: the probe has no light outside a circle, and a circle around a right probe costs nothing.
func TestProbeSupport(t *testing.T) {
	p, truth := simulated(t, 60, 1e5)
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method, o.Passes = method, 20
		free := solved(t, p, o)
		o.ProbeSupport = 0.8
		s := solved(t, p, o)
		outside, before := 0., 0.
		for q, v := range s.Probe.Data {
			if math.Hypot(float64(q/64)-32, float64(q%64)-32) > 0.8*32+1 {
				outside += float64(real(v)*real(v) + imag(v)*imag(v))
				w := free.Probe.Data[q]
				before += float64(real(w)*real(w) + imag(w)*imag(w))
			}
		}
		a, b := correlation(t, free, truth), correlation(t, s, truth)
		t.Logf("%s: correlation %.4f, with a support %.4f", method, a, b)
		if outside != 0 || !(before > 0) || !(b > a-0.002) {
			t.Errorf("%s: light outside the support %v, was %v; correlation %.4f, was %.4f", method, outside, before, b,
				a)
		}
	}
	o := usual()
	o.ProbeSupport = 1e-9
	p.Probe = p.Probe.Clone()
	p.Probe.Data[32*64+32] = 0
	if _, err := newState(p, o); err == nil {
		t.Error("a support without light is no error")
	}
}
