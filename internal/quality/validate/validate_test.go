package validate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/quality/validate"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/internal/scan/source"
)

// good is a scan without a fault: 70 patterns, an overlap of three quarters.
func good(t *testing.T) dataset.ScanData {
	t.Helper()
	return simulated(t, simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: 70, Step: 6, Photons: 1e5, Seed: 3,
	})
}

func simulated(t *testing.T, o simulate.Options) dataset.ScanData {
	t.Helper()
	d, err := simulate.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// examine writes a scan, and with it extra members, and examines it.
func examine(t *testing.T, d dataset.ScanData, o validate.Options) *validate.Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	return file(t, path, o)
}

func file(t *testing.T, path string, o validate.Options) *validate.Report {
	t.Helper()
	r, err := validate.File(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checks lists the findings, as "severity check".
func checks(r *validate.Report) []string {
	out := []string{}
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s", f.Severity, f.Check))
	}
	return out
}

func text(t *testing.T, r *validate.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAGoodScanHasNoFindings holds for scans of every kind, bright and dim.
func TestAGoodScanHasNoFindings(t *testing.T) {
	base := simulate.Options{
		N: 64, Object: simulate.Star, Absorption: 0.4, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: 60, Step: 8, Photons: 1e6, Seed: 1,
	}
	for name, change := range map[string]func(o *simulate.Options){
		"as make demo":   func(*simulate.Options) {},
		"fermat, blobs":  func(o *simulate.Options) { o.Scan, o.Object = simulate.Fermat, simulate.Blobs },
		"random, lines":  func(o *simulate.Options) { o.Scan, o.Object, o.Step = simulate.Random, simulate.Lines, 6 },
		"gaussian probe": func(o *simulate.Options) { o.Probe, o.ProbeSize, o.Step = simulate.Gaussian, 14, 5 },
		"disk":           func(o *simulate.Options) { o.Probe = simulate.Disk },
		"dim":            func(o *simulate.Options) { o.Photons = 3e3 },
		"exact":          func(o *simulate.Options) { o.Noiseless = true },
		"128 pixels":     func(o *simulate.Options) { o.N, o.ProbeSize, o.Count, o.Step = 128, 40, 36, 12 },
		"weak object":    func(o *simulate.Options) { o.Object, o.Absorption, o.Phase = simulate.Blobs, 0.05, 0.2 },
	} {
		t.Run(name, func(t *testing.T) {
			if name != "as make demo" && name != "dim" {
				testutil.Slow(t)
			}
			o := base
			change(&o)
			r := examine(t, simulated(t, o), validate.Options{})
			if len(r.Findings) != 0 {
				t.Errorf("findings on a good scan:\n%s", text(t, r))
			}
			if len(r.Facts.Orientations) != 8 {
				t.Errorf("%d orientations tried", len(r.Facts.Orientations))
			}
			t.Log("\n" + text(t, r))
		})
	}
}

// each calls do for every pattern (N, N).
func each(p *ndarray.Float32, do func(m int, pattern []float32)) {
	size := p.Shape[1] * p.Shape[2]
	for m := range p.Shape[0] {
		do(m, p.Data[m*size:(m+1)*size])
	}
}

// rolled moves an image (n, n) cyclically by half its size, which exchanges middle and corner.
func rolled[T any](image []T, n int) []T {
	out := make([]T, len(image))
	for i, v := range image {
		out[(i/n+n/2)%n*n+(i%n+n/2)%n] = v
	}
	return out
}

// shifted moves an image cyclically.
func shifted(image []float32, n, rows, cols int) []float32 {
	out := make([]float32, len(image))
	for i, v := range image {
		out[(i/n+rows)%n*n+(i%n+cols)%n] = v
	}
	return out
}

// TestFaultsAreFound injects one fault at a time. Exactly the named checks report it, with the fix.
func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, d *dataset.ScanData)
		o     validate.Options
		want  []string
		found string // part of the first finding
		fix   string // part of its fix
	}{
		{name: "counts as amplitudes", want: []string{"error counts"}, found: "photon counts", fix: "--input intensity",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				for i, v := range d.Patterns.Data {
					d.Patterns.Data[i] = float32(math.Round(float64(v) * float64(v)))
				}
			}},
		{name: "amplitudes as counts", want: []string{"error counts"}, found: "square roots", fix: "--input amplitude",
			o:     validate.Options{Input: dataset.Intensity},
			spoil: func(*testing.T, *dataset.ScanData) {}},
		{name: "zero frequency in the corner", want: []string{"error centre"}, found: "corner",
			fix: "fftshift(patterns",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				each(d.Patterns, func(_ int, p []float32) { copy(p, rolled(p, 64)) })
			}},
		{name: "beam beside the centre", want: []string{"warning centre"}, found: "the light around row 25",
			fix: "numpy.roll(patterns, (7, -6), (1, 2))", spoil: func(t *testing.T, d *dataset.ScanData) {
				each(d.Patterns, func(_ int, p []float32) { copy(p, shifted(p, 64, 64-7, 6)) })
			}},
		{name: "metres", want: []string{"error units"}, found: "metres", fix: "pixel size",
			spoil: func(t *testing.T, d *dataset.ScanData) { scale(d, 20e-9) }},
		{name: "microns", want: []string{"error units"}, found: "microns", fix: "pixel size",
			spoil: func(t *testing.T, d *dataset.ScanData) { scale(d, 20e-3) }},
		{name: "nanometres", want: []string{"warning outside", "error overlap"}, found: "not wholly within",
			fix: "offset", spoil: func(t *testing.T, d *dataset.ScanData) { scale(d, 20) }},
		{name: "a stage that stood still", want: []string{"error units"}, found: "the same position",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				for i := range d.X {
					d.X[i], d.Y[i] = d.X[0], d.Y[0]
				}
			}},
		{name: "NaN", want: []string{"error values"},
			found: "2 NaN pixels in 1 of 70 patterns, the first (NaN) in pattern 5 at row 1, column 2", fix: "replace",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				d.Patterns.Data[5*4096+66], d.Patterns.Data[5*4096+70] = float32(math.NaN()), float32(math.NaN())
			}},
		{name: "infinite", want: []string{"error values"}, found: "1 infinite pixel in 1 of 70", fix: "neighbours",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				d.Patterns.Data[9] = float32(math.Inf(1))
			}},
		{name: "negative", want: []string{"error values"},
			found: "70 negative pixels in 70 of 70 patterns, the first (-0.5)", fix: "clip",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				each(d.Patterns, func(_ int, p []float32) { p[0] = -0.5 })
			}},
		{name: "dead pixel", want: []string{"warning dead"},
			found: "1 dead pixel that never saw light among lit neighbours: [row, column] (30, 33)", fix: "neighbours",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				each(d.Patterns, func(_ int, p []float32) { p[30*64+33] = 0 })
			}},
		{name: "hot pixel", want: []string{"warning hot"},
			found: "1 hot pixel, more than 10 times as bright as all neighbours: [row, column] (3, 60)",
			fix:   "neighbours", spoil: func(t *testing.T, d *dataset.ScanData) {
				each(d.Patterns, func(_ int, p []float32) { p[3*64+60] = 31 })
			}},
		{name: "saturated", want: []string{"warning saturated"}, found: "the largest value, 10, ", fix: "less light",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				for i, v := range d.Patterns.Data {
					d.Patterns.Data[i] = min(v, 10)
				}
			}},
		{name: "dark patterns", want: []string{"warning dark"}, found: "2 of 70 patterns without any light",
			fix: "drop",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				clear(d.Patterns.Data[:2*4096])
			}},
		{name: "no light", want: []string{"error dark"}, found: "no light",
			spoil: func(t *testing.T, d *dataset.ScanData) { clear(d.Patterns.Data) }},
		{name: "outside the object", want: []string{"warning outside"}, found: "56 of 70 patches", fix: "offset",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				for i := range d.X {
					d.X[i] -= 40
				}
			}},
		{name: "repeated", want: []string{"warning repeated"},
			found: "1 of 70 positions that occur before, as patterns 10 and 11", fix: "stage moved",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				d.X[11], d.Y[11] = d.X[10], d.Y[10]
			}},
		{name: "each position twice", want: []string{"warning repeated"},
			found: "35 of 70 positions that occur before, as patterns 0 and 1", fix: "stage moved",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				for i := 1; i < 70; i += 2 {
					d.X[i], d.Y[i] = d.X[i-1], d.Y[i-1]
					copy(d.Patterns.Data[i*4096:][:4096], d.Patterns.Data[(i-1)*4096:][:4096])
				}
			}},
		{name: "a position far away", want: []string{"warning outside", "warning alone"}, found: "1 of 70 patches",
			fix: "offset", spoil: func(t *testing.T, d *dataset.ScanData) { d.X[63] += 300 }},
		{name: "positions of other patterns", want: []string{"error orientation"},
			found: "hardly better than positions in a random order", fix: "belong to their patterns",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				x, y := slices.Clone(d.X), slices.Clone(d.Y)
				for i := range d.X {
					j := i * 29 % len(x) // a permutation
					d.X[i], d.Y[i] = x[j], y[j]
				}
			}},
		{name: "probe in the corner", want: []string{"error probe"}, found: "in the corner", fix: "fftshift(probe)",
			spoil: func(t *testing.T, d *dataset.ScanData) {
				d.Probe.Data = rolled(d.Probe.Data, 64)
			}},
		{name: "probe on the detector", want: []string{"error probe"}, found: "given on the detector", fix: "ifft2",
			spoil: func(t *testing.T, d *dataset.ScanData) { toDetector(d.Probe) }},
		{name: "another probe", want: []string{"warning probe"}, found: "not much like the mean pattern",
			fix: "--probe-file", spoil: func(t *testing.T, d *dataset.ScanData) {
				other, err := simulate.Probe(simulate.Gaussian, 64, 40)
				if err != nil {
					t.Fatal(err)
				}
				d.Probe = other
			}},
		{name: "probe of no light", want: []string{"error file"}, found: "zero everywhere", fix: "--probe-file",
			spoil: func(t *testing.T, d *dataset.ScanData) { clear(d.Probe.Data) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := good(t)
			c.spoil(t, &d)
			r := examine(t, d, c.o)
			if got := checks(r); !slices.Equal(got, c.want) {
				t.Fatalf("findings %q, want %q:\n%s", got, c.want, text(t, r))
			}
			f := r.Findings[0]
			if !strings.Contains(f.Found, c.found) || !strings.Contains(f.Fix, c.fix) {
				t.Errorf("found %q with the fix %q, want %q and %q", f.Found, f.Fix, c.found, c.fix)
			}
		})
	}
}

// TestAWrongDefocusIsFound: the far field of the probe has the right modulus, and another phase.
func TestAWrongDefocusIsFound(t *testing.T) {
	testutil.Slow(t)
	d := good(t)
	d.Probe = defocused(d.Probe, -0.05)
	r := examine(t, d, validate.Options{})
	if got := checks(r); !slices.Contains(got, "error calibration") && !slices.Contains(got, "error orientation") {
		t.Fatalf("findings %q:\n%s", got, text(t, r))
	}
	if f := r.Findings[len(r.Findings)-1]; f.Key != dataset.KeyProbe || !strings.HasPrefix(f.Fix, "check its defocus") {
		t.Errorf("the fix is not about the defocus:\n%s", text(t, r))
	}
}

// defocused adds a phase to the far field of a probe, radians per squared pixel of the detector.
func defocused(probe *ndarray.Complex64, curvature float64) *ndarray.Complex64 {
	n := probe.Shape[0]
	f := spectrum.New(n, n)
	for i, v := range probe.Data {
		f.Data[i] = complex128(v)
	}
	f = f.Roll(-(n / 2), -(n / 2))
	f.FFT()
	f = f.Centre()
	for i := range f.Data {
		y, x := float64(i/n-n/2), float64(i%n-n/2)
		f.Data[i] *= cmplx.Rect(1, curvature*(y*y+x*x))
	}
	f = f.Roll(-(n / 2), -(n / 2))
	f.IFFT()
	f = f.Centre()
	out := ndarray.New[complex64](n, n)
	for i, v := range f.Data {
		out.Data[i] = complex64(v)
	}
	return out
}

func scale(d *dataset.ScanData, by float64) {
	for i := range d.X {
		d.X[i] *= by
		d.Y[i] *= by
	}
}

// toDetector replaces a probe by its far field, zero frequency in the middle.
func toDetector(probe *ndarray.Complex64) {
	n := probe.Shape[0]
	wave := make([]complex128, n*n)
	for i, v := range probe.Data {
		wave[i] = complex128(v)
	}
	far := make([]float64, n*n)
	optics.NewPropagator(n).Intensity(wave, far)
	for i, v := range far {
		probe.Data[i] = complex64(cmplx.Rect(math.Sqrt(v), 0))
	}
}

// TestOverlapTooSmall: steps wider than half of the probe are a warning, and steps wider than the probe are an error.
func TestOverlapTooSmall(t *testing.T) {
	o := simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: 36, Photons: 1e5, Seed: 3,
	}
	for _, c := range []struct {
		step     float64
		severity validate.Severity
	}{{16, validate.Warning}, {40, validate.Error}} {
		o.Step = c.step
		r := examine(t, simulated(t, o), validate.Options{})
		at := slices.IndexFunc(r.Findings, func(f validate.Finding) bool { return f.Check == "overlap" })
		if at < 0 || r.Findings[at].Severity != c.severity {
			t.Errorf("step %v: want an overlap finding of severity %s:\n%s", c.step, c.severity, text(t, r))
		}
	}
}

// TestTheOrientationIsNamed: positions turned or mirrored in each of the eight ways, the fix undoes it.
func TestTheOrientationIsNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(x, y float64) (float64, float64)
		fix   string
	}{
		{"x flipped", func(x, y float64) (float64, float64) { return -x, y },
			"use --flip-x, or save xcoords = -xcoords"},
		{"y flipped", func(x, y float64) (float64, float64) { return x, -y },
			"use --flip-y, or save ycoords = -ycoords"},
		{"both flipped", func(x, y float64) (float64, float64) { return -x, -y },
			"use --flip-x --flip-y, or save xcoords, ycoords = -xcoords, -ycoords; or, if the positions are right, " +
				"the defocus of the probe has the wrong sign: save numpy.conj(probe)"},
		{"transposed", func(x, y float64) (float64, float64) { return y, x },
			"use --swap-xy, or save xcoords, ycoords = ycoords, xcoords"},
		{"quarter turn", func(x, y float64) (float64, float64) { return -y, x },
			"use --swap-xy --flip-y, or save xcoords, ycoords = ycoords, -xcoords"},
		{"quarter turn back", func(x, y float64) (float64, float64) { return y, -x },
			"use --swap-xy --flip-x, or save xcoords, ycoords = -ycoords, xcoords"},
		{"other diagonal", func(x, y float64) (float64, float64) { return -y, -x },
			"use --swap-xy --flip-x --flip-y, or save xcoords, ycoords = -ycoords, -xcoords"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := good(t)
			d.Object = nil
			for i := range d.X {
				d.X[i], d.Y[i] = c.spoil(d.X[i], d.Y[i])
			}
			r := examine(t, d, validate.Options{})
			if got := checks(r); !slices.Equal(got, []string{"error orientation"}) {
				t.Fatalf("findings %q:\n%s", got, text(t, r))
			}
			if fix := r.Findings[0].Fix; fix != c.fix {
				t.Errorf("fix %q, want %q:\n%s", fix, c.fix, text(t, r))
			}
		})
	}
}

// TestAxesAreNamed: patterns counted by the last axis.
func TestAxesAreNamed(t *testing.T) {
	d := good(t)
	m := d.Patterns.Shape[0] / 2
	last := ndarray.New[float32](64, 64, m)
	for i := range 4096 {
		for j := range m {
			last.Data[i*m+j] = d.Patterns.Data[j*4096+i]
		}
	}
	path := filepath.Join(t.TempDir(), "scan.npz")
	write := func(members ...npz.Member) {
		members = append(members, npz.Member{Key: "xcoords", Value: d.X[:m]},
			npz.Member{Key: "ycoords", Value: d.Y[:m]}, npz.Member{Key: "probeGuess", Value: d.Probe})
		if err := npz.Write(path, members); err != nil {
			t.Fatal(err)
		}
	}
	write(npz.Member{Key: "diffraction", Value: last})
	r := file(t, path, validate.Options{})
	if got := checks(r); !slices.Equal(got, []string{"warning axes"}) || r.Findings[0].Key != "diffraction" ||
		!strings.Contains(r.Findings[0].Fix, "transpose") {
		t.Errorf("findings %q:\n%s", got, text(t, r))
	}
	if r := file(t, path, validate.Options{Layout: dataset.FramesLast}); len(r.Findings) != 0 {
		t.Errorf("with the layout given:\n%s", text(t, r))
	}
	oblong := ndarray.Wrap(d.Patterns.Data[:m*4096/2], m, 64, 32)
	write(npz.Member{Key: "diff3d", Value: oblong})
	if r := file(t, path, validate.Options{}); r.Facts != nil || r.Errors() != 1 ||
		!strings.Contains(r.Findings[0].Fix, "crop") {
		t.Errorf("oblong patterns:\n%s", text(t, r))
	}
}

// TestWhatIsNoScanIsAFinding: files that cannot be read give one error, and nothing else.
func TestWhatIsNoScanIsAFinding(t *testing.T) {
	dir := t.TempDir()
	complete := filepath.Join(dir, "scan.npz")
	if err := dataset.Write(complete, good(t)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(complete)
	if err != nil {
		t.Fatal(err)
	}
	cut, words := filepath.Join(dir, "cut.npz"), filepath.Join(dir, "text.npz")
	for path, content := range map[string][]byte{cut: data[:len(data)/2], words: []byte("no scan")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{cut, words, filepath.Join(dir, "missing.npz")} {
		if r := file(t, path, validate.Options{}); !slices.Equal(checks(r), []string{"error file"}) {
			t.Errorf("%s: %q", filepath.Base(path), checks(r))
		}
	}
	// A probe of another size does not prevent the other checks.
	other := filepath.Join(dir, "probe.npz")
	if err := npz.Write(other, []npz.Member{{Key: "probeGuess", Value: ndarray.New[complex64](32, 32)}}); err != nil {
		t.Fatal(err)
	}
	r := file(t, complete, validate.Options{ProbeFile: other})
	if !slices.Equal(checks(r), []string{"error file"}) || r.Facts == nil || r.Facts.Patterns != 70 {
		t.Errorf("a probe of another size: %s", text(t, r))
	}
}

// TestJSON: everything is in the JSON, and two examinations write the same.
func TestJSON(t *testing.T) {
	d := good(t)
	d.X[11], d.Y[11] = d.X[10], d.Y[10]
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := file(t, path, validate.Options{}).WriteJSON(b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two examinations differ")
	}
	var r validate.Report
	if err := json.Unmarshal(first.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.File != path || r.Facts.Patterns != 70 || len(r.Facts.Orientations) != 8 || len(r.Findings) != 1 ||
		r.Findings[0].Check != "repeated" || r.Findings[0].Fix == "" {
		t.Errorf("%+v", r)
	}
}

// TestFindingsNameTheArrays of the file, whatever it calls them.
func TestFindingsNameTheArrays(t *testing.T) {
	d := good(t)
	d.Patterns.Data[7], d.X[11], d.Y[11] = float32(math.NaN()), d.X[10], d.Y[10]
	path := filepath.Join(t.TempDir(), "scan.npz")
	members := []npz.Member{{Key: "pics", Value: d.Patterns}, {Key: "h", Value: d.X}, {Key: "v", Value: d.Y}}
	err := npz.Write(path, members)
	if err != nil {
		t.Fatal(err)
	}
	view := dataset.View{Patterns: "pics", X: "h", Y: "v", Unit: source.Pixels}
	r := file(t, path, validate.Options{View: view, Input: dataset.Amplitude})
	if len(r.Findings) != 2 || r.Findings[0].Key != "pics" || r.Findings[1].Key != "h, v" {
		t.Errorf("found:\n%s", text(t, r))
	}
	view.PositionsFile = filepath.Join(t.TempDir(), "gone.csv")
	r = file(t, path, validate.Options{View: view})
	if len(r.Findings) != 1 || r.Findings[0].Key != view.PositionsFile {
		t.Errorf("without the file of the positions:\n%s", text(t, r))
	}
}

// TestAScanIsExaminedAsItIsLookedAt: a scan that is turned has nothing wrong in the view that turns it back.
func TestAScanIsExaminedAsItIsLookedAt(t *testing.T) {
	d := good(t)
	d.Object = nil
	for i := range d.X {
		d.X[i], d.Y[i] = -d.Y[i], d.X[i]
	}
	if r := examine(t, d, validate.Options{View: dataset.View{SwapXY: true, FlipY: true}}); len(r.Findings) > 0 {
		t.Errorf("found:\n%s", text(t, r))
	}
}
