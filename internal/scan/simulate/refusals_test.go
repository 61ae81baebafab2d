package simulate_test

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// refused expects a complaint that names the key and the file, if there is one.
func refused(t *testing.T, what string, o simulate.Options, key, says string) {
	t.Helper()
	scan, err := simulate.Run(t.Context(), o)
	var bad *badinput.Error
	if !errors.As(err, &bad) || bad.Key != key || bad.File != o.ObjectFile || !strings.Contains(err.Error(), says) ||
		scan.Patterns != nil {
		t.Errorf("%s: %v, want a complaint about %s that says %q", what, err, key, says)
	}
}

func TestInvalidOptionsAreRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		key    string
		values []float64
		set    func(*simulate.Options, float64)
	}{
		{"--n", []float64{0, -64, 30, 65, 1026}, func(o *simulate.Options, v float64) { o.N = int(v) }},
		{"--positions", []float64{0, -1, 1<<19 + 1}, func(o *simulate.Options, v float64) { o.Count = int(v) }},
		{"--step", []float64{0, -1, nan, inf, 64.5}, func(o *simulate.Options, v float64) { o.Step = v }},
		{"--probe-size", []float64{0, 0.5, -1, nan, inf, 33}, func(o *simulate.Options, v float64) { o.ProbeSize = v }},
		{"--absorption", []float64{-0.1, nan, inf, 21}, func(o *simulate.Options, v float64) { o.Absorption = v }},
		{"--phase", []float64{nan, inf, -inf}, func(o *simulate.Options, v float64) { o.Phase = v }},
		{"--nphotons", []float64{0, -1, nan, inf, 1e16}, func(o *simulate.Options, v float64) { o.Photons = v }},
	} {
		for _, v := range c.values {
			o := options()
			c.set(&o, v)
			refused(t, fmt.Sprint(c.key, " ", v), o, c.key, "expected ")
		}
	}
}

// The strongest sample that can be asked for still lets photons through.
func TestABlackObject(t *testing.T) {
	for _, kind := range []simulate.ObjectKind{simulate.Star, simulate.Lines, simulate.Blobs} {
		o := options()
		o.Object, o.Absorption, o.Count, o.Noiseless = kind, 20, 1, true
		sum := 0.0
		for _, a := range run(t, o).Patterns.Data {
			sum += float64(a) * float64(a)
		}
		if !testutil.Close(sum, o.Photons, 0, halfPrecise) {
			t.Errorf("%s: %g photons", kind, sum)
		}
	}
}

func TestInvalidScenesAreRefused(t *testing.T) {
	spoilt := func(v complex64) *ndarray.Complex64 {
		field := random(3, 80, 90, 1)
		field.Data[4321] = v
		return field
	}
	nan := float32(math.NaN())
	probe := random(4, n, n, 1)
	probe.Data[7] = complex(float32(math.Inf(1)), 0)
	for _, c := range []struct {
		what    string
		members map[string]any
		key     string
		says    string
	}{
		{"no object", map[string]any{dataset.KeyObject: nil}, dataset.KeyObject, "found no array of this name"},
		{"no probe", map[string]any{dataset.KeyProbe: nil}, dataset.KeyProbe, "found no array of this name"},
		{"no columns", map[string]any{dataset.KeyX: nil}, dataset.KeyX, "found no array of this name"},
		{"no rows", map[string]any{dataset.KeyY: nil}, dataset.KeyY, "found no array of this name"},
		{"a flat object", map[string]any{dataset.KeyObject: ndarray.New[complex64](90)}, dataset.KeyObject,
			"found shape (90,), expected (H, W)"},
		{"an oblong probe", map[string]any{dataset.KeyProbe: ndarray.New[complex64](64, 65)}, dataset.KeyProbe,
			"found shape (64, 65), expected one mode (N, N)"},
		{"a probe of 30", map[string]any{dataset.KeyProbe: ndarray.New[complex64](30, 30)}, dataset.KeyProbe,
			"N an even number from 32 to 1024"},
		{"text for an object", map[string]any{dataset.KeyObject: "none"}, dataset.KeyObject,
			"found text (dtype <U4), expected real or complex numbers"},
		{"two modes", map[string]any{dataset.KeyProbe: ndarray.New[complex64](2, 64, 64)}, dataset.KeyProbe,
			"found shape (2, 64, 64)"},
		{"a row too few", map[string]any{dataset.KeyY: []float64{32, 33}}, dataset.KeyX, "found 3 columns and 2 rows"},
		{"no positions", map[string]any{dataset.KeyX: []float64{}, dataset.KeyY: []float64{}}, dataset.KeyX,
			"found 0 columns and 0 rows"},
		{"a patch off the top", map[string]any{dataset.KeyY: []float64{32, 31.4, 33}}, dataset.KeyY,
			"found position 1 at 31.4, whose patch leaves the object"},
		{"a patch off the right", map[string]any{dataset.KeyX: []float64{32, 41, 58.5}}, dataset.KeyX,
			"found position 2 at 58.5, whose patch leaves the object"},
		{"a position of NaN", map[string]any{dataset.KeyX: []float64{32, math.NaN(), 33}}, dataset.KeyX,
			"found position 1 at NaN"},
		{"an endless position", map[string]any{dataset.KeyY: []float64{math.Inf(-1), 32, 33}}, dataset.KeyY,
			"found position 0 at -Inf"},
		{"a small object", map[string]any{dataset.KeyObject: random(3, 60, 90, 1)}, dataset.KeyY,
			"expected a patch of 64 pixels within 60"},
		{"an empty object", map[string]any{dataset.KeyObject: ndarray.New[complex64](0, 90)}, dataset.KeyY, "within 0"},
		{"an object with a NaN", map[string]any{dataset.KeyObject: spoilt(complex(0, nan))}, dataset.KeyObject,
			"NaNi) at pixel (row 48, column 1), expected finite"},
		{"an endless probe", map[string]any{dataset.KeyProbe: probe}, dataset.KeyProbe,
			"Inf+0i) at pixel (row 0, column 7), expected finite"},
		{"a dark probe", map[string]any{dataset.KeyProbe: ndarray.New[complex64](64, 64)}, dataset.KeyObject,
			"no light at all"},
		{"a black object", map[string]any{dataset.KeyObject: ndarray.New[complex64](80, 90)}, dataset.KeyObject,
			"no light at all"},
		{"a table of columns", map[string]any{dataset.KeyX: ndarray.New[float32](3, 2)}, dataset.KeyX,
			"found shape (3, 2), expected one real number for each pattern"},
		{"a sun", map[string]any{dataset.KeyProbe: random(4, n, n, 1e8)}, dataset.KeyProbe, "expected at most 1e+15"},
	} {
		t.Run(c.what, func(t *testing.T) {
			refused(t, c.what, simulate.Options{ObjectFile: scene(t, c.members)}, c.key, c.says)
		})
	}
	for _, photons := range []float64{-1, math.NaN(), 1e16} {
		if _, err := simulate.Run(t.Context(),
			simulate.Options{ObjectFile: scene(t, nil), Photons: photons}); err == nil ||
			!strings.Contains(err.Error(), "--nphotons: found") {
			t.Errorf("%g photons: %v", photons, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing.npz")
	refused(t, "no file", simulate.Options{ObjectFile: missing}, "", "found no such file")
}
