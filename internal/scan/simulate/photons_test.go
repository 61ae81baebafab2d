package simulate_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// exposures measures the same place again and again: counts, and the intensity that they have in the mean.
func exposures(t *testing.T, photons float64, times int) (counts [][]float32, lambda []float64) {
	t.Helper()
	probe := random(2, n, n, 1)
	optics.NormalisePower(probe, photons)
	at := slices.Repeat([]float64{41.25}, times)
	path := scene(t, map[string]any{dataset.KeyProbe: probe, dataset.KeyX: at, dataset.KeyY: at})
	exact := run(t, simulate.Options{ObjectFile: path, Noiseless: true})
	noisy := run(t, simulate.Options{ObjectFile: path, Seed: 5})
	for _, a := range pattern(exact, 0) {
		lambda = append(lambda, float64(a)*float64(a))
	}
	for j := range times {
		counts = append(counts, pattern(noisy, j))
	}
	return counts, lambda
}

// sigmas is the tolerance of random draws: one fair draw in two million is further off. The seed is fixed, so the tests
// are either always right or always wrong.
const sigmas = 5

func TestPhotonsArePoisson(t *testing.T) {
	const times = 100
	for _, photons := range []float64{1e2, 1e4, 1e6, 1e9, 1e14} {
		counts, lambda := exposures(t, photons, times)
		var mean, meanError, spread, spreadError, neighbours, pairs float64
		for i, l := range lambda {
			for j := range counts {
				k := float64(counts[j][i]) * float64(counts[j][i])
				z := (k - l) / math.Sqrt(l)
				mean += z
				meanError++
				spread += z*z - 1
				// the variance of a Poisson variable's squared deviation, in units of its variance
				spreadError += 2 + 1/l
				if j > 0 {
					before := float64(counts[j-1][i]) * float64(counts[j-1][i])
					neighbours += z * (before - l) / math.Sqrt(l)
					pairs++
				}
			}
		}
		for _, c := range []struct {
			what            string
			sum, sumSquared float64
		}{
			{"the mean", mean, meanError}, {"the variance", spread, spreadError},
			{"the correlation of exposures", neighbours, pairs},
		} {
			if off := c.sum / math.Sqrt(c.sumSquared); !(math.Abs(off) <= sigmas) {
				t.Errorf("%g photons: %s is %.1f standard errors off", photons, c.what, off)
			}
		}
	}
}

func TestCountsAreWhole(t *testing.T) {
	counts, _ := exposures(t, 1e4, 3)
	several := map[float64]bool{}
	for _, exposure := range counts {
		for i, a := range exposure {
			k := float64(a) * float64(a)
			if !testutil.Close(k, math.Round(k), 0, 2.0/(1<<24)) { // twice the rounding of the square root to float32
				t.Fatalf("pixel %d counts %g photons", i, k)
			}
			several[math.Round(k)] = true
		}
	}
	if len(several) < 5 {
		t.Errorf("only %d different counts", len(several))
	}
}

func TestPatternsHaveTheRequestedPhotons(t *testing.T) {
	for _, photons := range []float64{0.5, 1e3, 1e9, 1e15} {
		for _, noiseless := range []bool{true, false} {
			o := options()
			o.Photons, o.Noiseless = photons, noiseless
			scan, got := run(t, o), 0.0
			for _, a := range scan.Patterns.Data {
				got += float64(a) * float64(a)
			}
			want := photons * float64(o.Count)
			chance := 0.0
			if !noiseless {
				chance = sigmas * math.Sqrt(want)
			}
			// float32 amplitudes, whose errors are all alike in bright pixels
			if !testutil.Close(got, want, chance, 1e-6) {
				t.Errorf("%g photons, noiseless %t: %g in all, want %g", photons, noiseless, got, want)
			}
			if !slices.ContainsFunc(scan.Patterns.Data, func(a float32) bool { return a > 0 }) {
				t.Errorf("%g photons: dark patterns", photons)
			}
		}
	}
}

// The probe of a scene file keeps its power unless photons are requested; options for other scans do not change it.
func TestAGivenProbeKeepsItsPower(t *testing.T) {
	path := scene(t, nil)
	plain := run(t, simulate.Options{ObjectFile: path, Noiseless: true})
	other := run(t, simulate.Options{ObjectFile: path, Noiseless: true, N: 65, Step: -1})
	if !slices.Equal(plain.Patterns.Data, other.Patterns.Data) ||
		!slices.Equal(plain.Probe.Data, random(2, n, n, 1).Data) {
		t.Error("options of made scans change a given one")
	}
	bright := run(t, simulate.Options{ObjectFile: path, Noiseless: true, Photons: 1e9})
	got := 0.0
	for _, a := range bright.Patterns.Data {
		got += float64(a) * float64(a)
	}
	if want := 1e9 * float64(len(bright.X)); !testutil.Close(got, want, 0, 1e-6) { // float32 amplitudes
		t.Errorf("%g photons in all, want %g", got, want)
	}
	checkExact(t, "a scaled probe", bright, 1)
}

// Without noise there is no bound: nothing is drawn. Nor where the probe is scaled to photons asked for.
func TestABrightProbeWithoutNoise(t *testing.T) {
	path := scene(t, map[string]any{dataset.KeyProbe: random(2, n, n, 1e8)})
	checkExact(t, "a sun", run(t, simulate.Options{ObjectFile: path, Noiseless: true}), 1)
	run(t, simulate.Options{ObjectFile: path, Photons: 100})
}

// What is drawn for a pattern depends on the seed and on its own number, not on how many there are beside it.
func TestAPatternIsDrawnByItsNumber(t *testing.T) {
	x, y := []float64{32, 41.25, 57.5, 33}, []float64{32, 47.875, 33, 40}
	draw := func(count int) dataset.ScanData {
		return run(t, simulate.Options{Seed: 3,
			ObjectFile: scene(t, map[string]any{dataset.KeyX: x[:count], dataset.KeyY: y[:count]})})
	}
	all := draw(4)
	for count := 1; count < 4; count++ {
		if few := draw(count); !slices.Equal(few.Patterns.Data, all.Patterns.Data[:count*n*n]) {
			t.Errorf("the first %d of 4 patterns differ from %d alone", count, count)
		}
	}
}

func TestSeeds(t *testing.T) {
	for _, positions := range []simulate.ScanKind{simulate.Raster, simulate.Fermat, simulate.Random} {
		o := options()
		o.Scan = positions
		first, again := run(t, o), run(t, o)
		if !reflect.DeepEqual(first, again) {
			t.Errorf("%s: the same seed gives another scan", positions)
		}
		o.Seed++
		other := run(t, o)
		if slices.Equal(first.Patterns.Data, other.Patterns.Data) ||
			slices.Equal(first.Object.Data, other.Object.Data) {
			t.Errorf("%s: another seed gives the same scan", positions)
		}
		if drawn := positions != simulate.Fermat; drawn == slices.Equal(first.X, other.X) { // the spiral is given
			t.Errorf("%s: another seed moves the positions: %t", positions, !drawn)
		}
	}
}
