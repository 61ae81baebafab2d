package report

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/base/version"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/reconstruct"
)

const side = 40 // of the object, in pixels

// complexOf is a random image with a mean of 1.
func complexOf(seed uint64, shape ...int) *ndarray.Complex64 {
	re, im := testutil.Uniform(seed, 0.5, 1.5, shape...), testutil.Uniform(seed+1, -0.5, 0.5, shape...)
	out := ndarray.New[complex64](shape...)
	for i := range out.Data {
		out.Data[i] = complex(re.Data[i], im.Data[i])
	}
	return out
}

// network is what ptyx infer and watch write: nine patterns, of which one is not in the object.
func network() reconstruct.Result {
	r := reconstruct.Result{
		Object: complexOf(1, side, side), Coverage: testutil.Uniform(2, 1, 2, side, side),
		Spread: testutil.Uniform(3, 0, 1, side, side), Row: -5, Col: 7, Provider: "CPUExecutionProvider",
		Fallback: "no kernel", Probe: complexOf(4, 16, 16),
	}
	for i := range 9 {
		r.X, r.Y = append(r.X, float64(15+10*(i%3))), append(r.Y, float64(3+10*(i/3)))
		r.IDs = append(r.IDs, int64(i+i/8))
	}
	return r
}

// solved is what ptyx solve and refine write with --modes 2 --positions.
func solved() reconstruct.Result {
	r := network()
	r.Probe, r.Fallback = complexOf(5, 2, 16, 16), ""
	startX, startY := slices.Clone(r.X), slices.Clone(r.Y)
	r.X[0] += 0.75
	r.Y[4] -= 1
	r.Extra = []npz.Member{
		{Key: "method", Value: "lsqml"}, {Key: "likelihood", Value: "poisson"}, {Key: "residual", Value: 0.0125},
		{Key: "residuals", Value: []float64{0.9, 0.2, 0.013}}, {Key: "seed", Value: int64(7)},
		{Key: "xcoords_start", Value: startX}, {Key: "ycoords_start", Value: startY},
		{Key: "pattern_residuals", Value: []float64{.1, .2, .3, .9, .5, .6, .7, .8, .4}},
		{Key: "frc_frequency", Value: []float64{0, .1, .2, .3, .4, .5}},
		{Key: "frc", Value: []float64{1, .9, .8, .7, .2, 0}},
		{Key: "frc_half_bit", Value: []float64{.3, .3, .3, .3, .3, .3}},
		{Key: "resolution_map", Value: testutil.Uniform(6, 1, 2, side, side)},
	}
	r.Geometry.PixelX = 10e-9
	return r
}

// open saves a result and reads it back for a page.
func open(t *testing.T, r reconstruct.Result, digest string) *Reconstruction {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "solved")
	if err := r.Save(dir, digest); err != nil {
		t.Fatal(err)
	}
	found, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// opened reads a file of the given members.
func opened(t *testing.T, members ...npz.Member) (*Reconstruction, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "object.npz")
	if err := npz.Write(path, members); err != nil {
		t.Fatal(err)
	}
	return Open(path)
}

func htmlOf(t *testing.T, r *Reconstruction) string {
	t.Helper()
	page, err := r.Page()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a file holds is on the page, and nothing else: no empty section, and no residual of a network.
func TestThePageShowsWhatTheFileHolds(t *testing.T) {
	bare, err := opened(t, npz.Member{Key: "object", Value: complexOf(1, side, side)})
	if err != nil {
		t.Fatal(err)
	}
	everywhere := []string{"<h2>Object</h2>", "phase, stretched", "<h2>What it was made from</h2>"}
	trust := []string{"<h2>How far to trust it</h2>", "coverage", "spread"}
	probe, positions := []string{"<h2>Probe</h2>"}, []string{"<h2>Positions</h2>", version.String}
	modes := []string{"mode 1, amplitude", "mode 2, phase", "2 modes"}
	moved := []string{"0.417 pixels", "the largest 1", "An arrow begins where a pattern was"}
	sampling := []string{">oversampling<", ">overlap<", ">photons<", ">fluence<"}
	// The curve of the halves falls to 0.3 at 0.38 cycles per pixel.
	measured := []string{"<h2>Resolution</h2>", "1.32 pixels, 13.2 nm", "local resolution", "residual of each pattern",
		"residual of number 3; the median is 0.5", "per µm²", "pixels of 10 nm"}
	passes := []string{"<h2>Residual</h2>", ">0.0125<", "of lsqml, noise model poisson", ">pass<"}
	of := func(lists ...[]string) []string { return slices.Concat(append(lists, everywhere)...) }
	onlySolved := slices.Concat(modes, moved, passes, measured)
	for _, c := range []struct {
		name          string
		r             *Reconstruction
		holds, misses []string
	}{
		{"network", open(t, network(), "c0ffee"),
			of(trust, probe, positions, sampling, []string{"by a network, by ptyx", "holds no residual", "√photons",
				"c0ffee", "no kernel", "without 1 of them", "no solver has moved them"}),
			onlySolved},
		{"solver", open(t, solved(), ""),
			of(trust, probe, positions, sampling, onlySolved,
				[]string{"by iteration, by ptyx", "units of the patterns"}),
			[]string{"holds no residual", "√photons", "no solver", "SHA-256"}},
		{"refined network", open(t, solved(), "c0ffee"),
			of(passes, []string{"network, refined by iteration", "c0ffee"}), []string{"holds no residual"}},
		{"object alone", bare, of([]string{"holds no residual"}),
			slices.Concat(probe, positions, sampling, onlySolved, []string{"coverage", "spread", "patterns</dt>"})},
	} {
		page := htmlOf(t, c.r)
		for _, text := range c.holds {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page lacks %q", c.name, text)
			}
		}
		for _, text := range c.misses {
			if strings.Contains(page, text) {
				t.Errorf("%s: the page holds %q", c.name, text)
			}
		}
		if again := htmlOf(t, c.r); again != page {
			t.Errorf("%s: a second page has other bytes", c.name)
		}
	}
}

// The arrows lead from the given positions, in the scan's frame, and their lengths are the moves times the stated
// factor.
func TestArrowsAreTheMoves(t *testing.T) {
	r := open(t, solved(), "")
	p := r.positions()
	if len(p.Arrows) != 9 || len(p.Dots) != 0 {
		t.Fatalf("%d arrows and %d dots of 9 patterns", len(p.Arrows), len(p.Dots))
	}
	const factor = 5 // patterns are 20/3 pixels apart; 5 x 0.417 pixels is the last below half of that
	unit := p.Area.Width / side
	for i, a := range p.Arrows {
		x, y := p.Area.Left+unit*(r.startX[i]-7+0.5), p.Area.Top+unit*(r.startY[i]+5+0.5)
		dx, dy := unit*factor*(r.Object.Scan.X[i]-r.startX[i]), unit*factor*(r.Object.Scan.Y[i]-r.startY[i])
		// Coordinates are rounded to a tenth.
		for k, pair := range [][2]float64{{a.From.X, x}, {a.From.Y, y}, {a.To.X, x + dx}, {a.To.Y, y + dy}} {
			if !(math.Abs(pair[0]-pair[1]) <= 0.051) {
				t.Errorf("pattern %d: coordinate %d of the arrow is %g, want %g", i, k, pair[0], pair[1])
			}
		}
	}
	if notes := strings.Join(p.Notes, " "); !strings.Contains(notes, "shows 5 times its move") ||
		strings.Contains(notes, "limit") {
		t.Errorf("notes %q", notes)
	}

	atLimit := solved()
	atLimit.X[3] += 4
	notes := strings.Join(open(t, atLimit, "").positions().Notes, " ")
	if !strings.Contains(notes, "1 of 9 moved by 4 pixels") {
		t.Errorf("a pattern at the solver's limit: notes %q", notes)
	}
}

// A scan of many patterns does not make an enormous page, which states what it leaves out.
func TestManyPositionsAreThinned(t *testing.T) {
	many := network()
	many.X, many.Y, many.IDs = nil, nil, nil
	for i := range 3 * mostDrawn {
		many.X, many.Y = append(many.X, float64(15+i%20)), append(many.Y, float64(3+i%17))
		many.IDs = append(many.IDs, int64(i))
	}
	p := open(t, many, "").positions()
	if len(p.Dots) != mostDrawn || !strings.Contains(strings.Join(p.Notes, " "), "Of 6000 patterns, 2000 are drawn") {
		t.Errorf("%d dots, notes %q", len(p.Dots), p.Notes)
	}
}

// The shares of the modes are those of their light.
func TestModesStateTheirLight(t *testing.T) {
	probe := ndarray.New[complex64](3, 2, 2)
	probe.Data[0], probe.Data[5], probe.Data[6] = 2i, 1, -1
	var notes []string
	for _, m := range modesOf(probe) {
		notes = append(notes, m.name+m.note)
	}
	want := []string{"mode 1, 66.7 % of the light. ", "mode 2, 33.3 % of the light. ", "mode 3, 0 % of the light. "}
	if !slices.Equal(notes, want) {
		t.Errorf("%q, want %q", notes, want)
	}
	for _, m := range modesOf(probe) { // a mode without light has a picture
		if p, err := amplitudeOf(m.probe, ""); err != nil || !(p.High > p.Low) {
			t.Errorf("%s: range %g to %g: %v", m.name, p.Low, p.High, err)
		}
	}
	if one := modesOf(ndarray.Wrap(probe.Data[:4], 2, 2)); len(one) != 1 || one[0].name != "" || modesOf(nil) != nil {
		t.Errorf("a single probe has %d modes, called %q", len(one), one[0].name)
	}
}

// A file that contradicts itself is refused, by the name of the array at fault.
func TestDamagedReconstructions(t *testing.T) {
	object := npz.Member{Key: "object", Value: complexOf(1, side, side)}
	x, y := npz.Member{Key: "xcoords", Value: []float64{1, 2}}, npz.Member{Key: "ycoords", Value: []float64{1, 2}}
	spoiled := complexOf(1, 4, 4)
	spoiled.Data[3] = complex64(complex(math.NaN(), 0))
	for _, c := range []struct {
		key     string
		members []npz.Member
	}{
		{"spread", []npz.Member{object, {Key: "spread", Value: testutil.Uniform(1, 0, 1, side)}}},
		{"probeGuess", []npz.Member{object, {Key: "probeGuess", Value: complexOf(1, 4, 5)}}},
		{"probeGuess", []npz.Member{object, {Key: "probeGuess", Value: spoiled}}},
		{"xcoords_start", []npz.Member{object, x, y, {Key: "xcoords_start", Value: []float64{1}}}},
		{"ycoords_start", []npz.Member{object, x, y, {Key: "ycoords_start", Value: []float64{1, math.NaN()}}}},
		{"residual", []npz.Member{object, {Key: "residual", Value: []float64{}}}},
		{"residuals", []npz.Member{object, {Key: "residuals", Value: "many"}}},
		{"seed", []npz.Member{object, {Key: "seed", Value: []int64{1, 2}}}},
		{"provider", []npz.Member{object, {Key: "provider", Value: 7.0}}},
		{"", []npz.Member{{Key: "objectGuess", Value: complexOf(1, side, side)}}},
	} {
		_, err := opened(t, c.members...)
		var bad *badinput.Error
		if !errors.As(err, &bad) || bad.Key != c.key || !strings.HasSuffix(bad.File, "object.npz") {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}

// Text of a file is text on the page.
func TestAHostileFileIsText(t *testing.T) {
	r := network()
	r.Provider = `<script>alert(1)</script>`
	page := htmlOf(t, open(t, r, ""))
	if strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the page runs what a file said")
	}
}
