package reconstruct

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/grouping"
	"ptyx/stitch"
)

const n, image = 64, 64 * 64

// gaussianProbe is bright in the middle and dark in the corners.
func gaussianProbe() *ndarray.Complex64 {
	p := ndarray.New[complex64](n, n)
	for i := range p.Data {
		r, c := float64(i/n-n/2)/10, float64(i%n-n/2)/10
		p.Data[i] = complex(float32(math.Exp(-r*r-c*c)), float32(0.3*r*math.Exp(-r*r-c*c)))
	}
	return p
}

// scanData are count random patterns over the same 60 x 50 pixels, whatever their number.
func scanData(count int) dataset.ScanData {
	x, y := testutil.Uniform(2, 40, 100, count), testutil.Uniform(3, 35, 85, count)
	d := dataset.ScanData{Patterns: testutil.Uniform(1, 0, 2, count, n, n), Probe: gaussianProbe()}
	for i := range count {
		d.X, d.Y = append(d.X, float64(x.Data[i])), append(d.Y, float64(y.Data[i]))
	}
	d.X[0], d.X[1], d.Y[0], d.Y[1] = 40, 100, 35, 85 // the same canvas for any number
	return d
}

func opened(t *testing.T, d dataset.ScanData) *dataset.Scan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{Input: dataset.Amplitude, NoProbe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := scan.Close(); err != nil {
			t.Error(err)
		}
	})
	return scan
}

// model is the contract of a network of single patterns.
func model(channels int, extent string) contract.Contract {
	return contract.Contract{N: n, Gridsize: 2, Channels: channels, ObjectExtent: extent, Probe: gaussianProbe()}
}

// fake is a network whose patch depends on its pattern alone: amplitude d/2, phase d - 1.
type fake struct {
	mu       sync.Mutex
	channels int
	sizes    []int // of the batches that ran
	prepared int
	closed   int
	prepare  func(b int) error     // nil: never fails
	run      func(batch int) error // of the number of the batch, from 0
	spoil    func(amplitude []float32)
	close    func() error
}

func (f *fake) Provider() string { return "fake" }
func (f *fake) Fallback() string { return "no kernel" }
func (f *fake) Close() error     { return nil }

func (f *fake) Prepare(b int) (predict.Batch, error) {
	if f.prepare != nil {
		if err := f.prepare(b); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prepared++
	array := func() *ndarray.Float32 { return ndarray.New[float32](b, f.channels, n, n) }
	return &fakeBatch{fake: f, patterns: array(), amplitude: array(), phase: array()}, nil
}

type fakeBatch struct {
	fake                       *fake
	patterns, amplitude, phase *ndarray.Float32
}

func (b *fakeBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (b *fakeBatch) Offsets() *ndarray.Float32  { return nil }

func (b *fakeBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	f := b.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run != nil {
		if err := f.run(len(f.sizes)); err != nil {
			return nil, nil, err
		}
	}
	f.sizes = append(f.sizes, b.patterns.Shape[0])
	for i, d := range b.patterns.Data {
		b.amplitude.Data[i], b.phase.Data[i] = d/2, d-1
	}
	if f.spoil != nil {
		f.spoil(b.amplitude.Data)
	}
	return b.amplitude, b.phase, nil
}

func (b *fakeBatch) Close() error {
	b.fake.mu.Lock()
	defer b.fake.mu.Unlock()
	b.fake.closed++
	if b.fake.close != nil {
		return b.fake.close()
	}
	return nil
}

// patch is what fake makes of a pattern.
func patch(pattern []float32) []complex64 {
	out := make([]complex64, len(pattern))
	for i, d := range pattern {
		sin, cos := math.Sincos(float64(d - 1))
		out[i] = complex(d/2*float32(cos), d/2*float32(sin))
	}
	return out
}

// stitched puts the patches of the given groups directly on a canvas. Those of a network of one channel are turned to
// one phase.
func stitched(t *testing.T, d dataset.ScanData, c contract.Contract, groups [][]int) *stitch.Canvas {
	t.Helper()
	weights, margin := ndarray.New[float32](n, n), 0
	if c.ObjectExtent == "centre" {
		margin = n / 4
	}
	for r := margin; r < n-margin; r++ {
		for c := margin; c < n-margin; c++ {
			p := d.Probe.Data[r*n+c]
			weights.Data[r*n+c] = real(p)*real(p) + imag(p)*imag(p)
		}
	}
	canvas, err := stitch.NewCanvas(d.X, d.Y, n, weights)
	if err != nil {
		t.Fatal(err)
	}
	kept, number := KeepPatches(c, t.TempDir(), 0), 0
	defer kept.Close()
	for _, group := range groups {
		for _, id := range group {
			patch := patch(d.Patterns.Data[id*image : (id+1)*image])
			if err := canvas.Add(number, d.X[id], d.Y[id], patch); err != nil {
				t.Fatal(err)
			}
			kept.Add(Placed{int64(id), d.X[id], d.Y[id]}, patch)
			kept.See(Placed{int64(id), d.X[id], d.Y[id]}, d.Patterns.Data[id*image:(id+1)*image])
			number++
		}
	}
	if kept == nil {
		return canvas
	}
	agreed, err := kept.Agree(t.Context(), canvas, Optics{Probe: d.Probe}, nil)
	if err != nil || agreed.Untrended != nil {
		t.Fatal(err, agreed.Untrended)
	}
	return agreed.Canvas
}

// check compares a result with a canvas, bit by bit: sums on a canvas do not depend on their order.
func check(t *testing.T, what string, r *Result, want *stitch.Canvas) {
	t.Helper()
	if !slices.Equal(r.Object.Data, want.Object().Data) {
		t.Errorf("%s: the object differs", what)
	}
	if !slices.Equal(r.Coverage.Data, want.Coverage().Data) || !slices.Equal(r.Spread.Data, want.Spread().Data) {
		t.Errorf("%s: coverage or spread differs", what)
	}
	if row, col := want.Origin(); r.Row != row || r.Col != col {
		t.Errorf("%s: origin (%d, %d), want (%d, %d)", what, r.Row, r.Col, row, col)
	}
}

func run(t *testing.T, f *fake, scan *dataset.Scan, c contract.Contract, o Options) *Result {
	t.Helper()
	f.channels = c.Channels
	r, err := Run(context.Background(), f, scan, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBatchSizeDoesNotMatter(t *testing.T) {
	const count = 11
	d := scanData(count)
	scan := opened(t, d)
	want := stitched(t, d, model(1, "full"), grouping.Singles(count))
	for batch, sizes := range map[int][]int{
		1: slices.Repeat([]int{1}, count), 4: {4, 4, 3}, 10: {10, 1}, 11: {11}, 100: {11},
	} {
		what := fmt.Sprintf("batches of %d", batch)
		f := &fake{}
		r := run(t, f, scan, model(1, "full"), Options{BatchSize: batch})
		check(t, what, r, want)
		if !slices.Equal(f.sizes, sizes) {
			t.Errorf("%s: the network ran on %v, want %v", what, f.sizes, sizes)
		}
		if f.prepared != f.closed || f.prepared > 2 {
			t.Errorf("%s: %d prepared, %d closed", what, f.prepared, f.closed)
		}
		if r.Patches != count || r.Provider != "fake" || !slices.Equal(r.X, d.X) || !slices.Equal(r.Y, d.Y) ||
			len(r.IDs) != count ||
			r.IDs[count-1] != count-1 {
			t.Errorf("%s: %d patches by %s, patterns %v", what, r.Patches, r.Provider, r.IDs)
		}
	}
}

// TestCentreExtentIgnoresTheRim: there the network predicts 0, which is no measurement.
func TestCentreExtentIgnoresTheRim(t *testing.T) {
	d := scanData(5)
	check(t, "centre", run(t, &fake{}, opened(t, d), model(1, "centre"), Options{BatchSize: 2}),
		stitched(t, d, model(1, "centre"), grouping.Singles(5)))
}

// TestChannels: a network of four channels gets groups of neighbours. A pattern is in several groups, and each of its
// patches counts.
func TestChannels(t *testing.T) {
	for _, count := range []int{4, 9} { // four patterns make four times the same group
		d := scanData(count)
		scan := opened(t, d)
		groups, err := grouping.Of(scan, grouping.Options{Gridsize: 2, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		want := stitched(t, d, model(4, "full"), groups)
		for _, batch := range []int{1, 3, 50} {
			r := run(t, &fake{}, scan, model(4, "full"), Options{BatchSize: batch, Seed: 7})
			check(t, fmt.Sprintf("%d patterns in batches of %d", count, batch), r, want)
			if r.Patches != 4*count || len(r.IDs) != count {
				t.Errorf("%d patches of %d patterns", r.Patches, len(r.IDs))
			}
		}
	}
}

// TestCountDrawsBySeed: some patterns of the scan are reconstructed in the frame of the complete scan.
func TestCountDrawsBySeed(t *testing.T) {
	const count = 12
	d := scanData(count)
	scan := opened(t, d)
	used := func(seed uint64) []int64 {
		r := run(t, &fake{}, scan, model(1, "full"), Options{Count: 5, Seed: seed, BatchSize: 2})
		var groups [][]int
		for i, id := range r.IDs {
			groups = append(groups, []int{int(id)})
			if r.X[i] != d.X[id] || r.Y[i] != d.Y[id] {
				t.Errorf("pattern %d is said to be at (%v, %v)", id, r.X[i], r.Y[i])
			}
		}
		if len(r.IDs) != 5 || r.Patches != 5 {
			t.Errorf("%d patterns, %d patches", len(r.IDs), r.Patches)
		}
		check(t, "five of twelve", r, stitched(t, d, model(1, "full"), groups))
		return r.IDs
	}
	if a, b := used(1), used(1); !slices.Equal(a, b) {
		t.Errorf("the same seed draws %v and %v", a, b)
	}
	if a, b := used(1), used(2); slices.Equal(a, b) {
		t.Errorf("two seeds draw %v", a)
	}
}

// TestMemoryDoesNotGrowWithTheScan: five times the patterns on the same canvas allocate little more. All patterns in
// memory would take 6.5 MB more.
func TestMemoryDoesNotGrowWithTheScan(t *testing.T) {
	allocated := func(count int) uint64 {
		scan := opened(t, scanData(count))
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		run(t, &fake{}, scan, model(1, "full"), Options{BatchSize: 4})
		goruntime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := allocated(100), allocated(500)
	if patterns := uint64(400 * image * 4); many > few+patterns/8 {
		t.Errorf("100 patterns allocate %d bytes, 500 %d; the further patterns are %d", few, many, patterns)
	}
}

func TestStreamGoesForwardOnly(t *testing.T) {
	d := scanData(6)
	a := &Reconstruction{scan: opened(t, d), Channels: 1}
	reader, err := a.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	frame := make([]float32, image)
	for _, id := range []int{0, 1, 4} { // skipping
		if err := reader.read(id, frame); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(frame, d.Patterns.Data[id*image:(id+1)*image]) {
			t.Errorf("pattern %d is another", id)
		}
	}
	if err := reader.read(3, frame); err == nil || !strings.Contains(err.Error(), "forward") {
		t.Errorf("going back: error %v", err)
	}
	if err := reader.read(6, frame); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("beyond the end: error %v", err)
	}
}

// TestWorkersGiveTheSameBytes: batches are computed side by side and stitched in any order.
func TestWorkersGiveTheSameBytes(t *testing.T) {
	const count = 40
	d := scanData(count)
	scan := opened(t, d)
	want := stitched(t, d, model(1, "full"), grouping.Singles(count))
	for _, workers := range []int{2, 3, 50} {
		f := &fake{channels: 1}
		r, err := Run(context.Background(), f, scan, model(1, "full"), Options{BatchSize: 3, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprint(workers, " workers"), r, want)
		if f.prepared != f.closed {
			t.Errorf("%d workers: %d prepared, %d closed", workers, f.prepared, f.closed)
		}
		f = &fake{channels: 1, run: func(batch int) error {
			return map[int]error{2: errors.New("broken")}[batch]
		}}
		_, err = Run(context.Background(), f, scan, model(1, "full"), Options{BatchSize: 3, Workers: workers})
		if err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("%d workers, one of which fails: %v", workers, err)
		}
	}
}

// TestAStrayPatchIsLeftOut: a few patterns that are far too bright do not stop a scan.
func TestAStrayPatchIsLeftOut(t *testing.T) {
	d := scanData(9)
	f := &fake{spoil: func(a []float32) { // the first pattern of each batch of four
		for i := range n * n {
			a[i] = 1e6
		}
	}}
	r := run(t, f, opened(t, d), model(1, "full"), Options{BatchSize: 4})
	if want := []int{0, 4, 8}; !slices.Equal(r.Skipped, want) || r.Patches != 6 {
		t.Errorf("skipped %v of %d, want %v", r.Skipped, r.Patches, want)
	}
	check(t, "without three patterns", r, stitched(t, d, model(1, "full"), [][]int{{1}, {2}, {3}, {5}, {6}, {7}}))
	if !slices.Equal(r.IDs, []int64{1, 2, 3, 5, 6, 7}) {
		t.Errorf("the result holds the patterns %v", r.IDs)
	}
}

func TestErrorsOfEachStage(t *testing.T) {
	scan := opened(t, scanData(9))
	broken := scanData(9)
	broken.Patterns.Data[5*image+70] = float32(math.NaN())
	other := errors.New("out of memory")
	for name, c := range map[string]struct {
		fake *fake
		scan *dataset.Scan
		want string
	}{
		"a bad frame": {&fake{}, opened(t, broken), "frame 5"},
		"no batch": {&fake{prepare: func(int) error { return other }}, scan,
			"preparing the network for 4 samples: out of memory"},
		"no batch for the rest": {&fake{prepare: func(b int) error { return map[int]error{1: other}[b] }}, scan,
			"preparing the network for 1 samples: out of memory"},
		"a batch fails": {&fake{run: func(batch int) error { return map[int]error{1: other}[batch] }}, scan,
			"running the network: out of memory"},
		"a batch does not close": {&fake{close: func() error { return other }}, scan, "out of memory"},
		"NaN patches": {&fake{spoil: func(a []float32) {
			for i := 3; i < len(a); i += image {
				a[i] = float32(math.NaN())
			}
		}}, scan, "9 of 9 patterns whose object is out of range, the first pattern 0"},
	} {
		c.fake.channels = 1
		r, err := Run(context.Background(), c.fake, c.scan, model(1, "full"), Options{BatchSize: 4})
		if err == nil || !strings.Contains(err.Error(), c.want) || r != nil {
			t.Errorf("%s: result %v, error %v, want one with %q", name, r, err, c.want)
		}
		if c.fake.prepared != c.fake.closed {
			t.Errorf("%s: %d batches prepared, %d closed", name, c.fake.prepared, c.fake.closed)
		}
	}
}

func TestScansThatCannotBeStitched(t *testing.T) {
	far, dark := scanData(3), scanData(3)
	far.X[1] = 1e6
	clear(dark.Patterns.Data)
	for name, c := range map[string]struct {
		data      dataset.ScanData
		key, want string
	}{
		"far apart": {far, "xcoords", "positions from"},
		"no light":  {dark, "diff3d", "no light in any of the 3 patterns"},
	} {
		scan := opened(t, c.data)
		_, err := Run(context.Background(), &fake{channels: 1}, scan, model(1, "full"), Options{BatchSize: 2})
		var bad *badinput.Error
		if !errors.As(err, &bad) || bad.File != scan.Path || bad.Key != c.key ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	half := scanData(3)
	clear(half.Patterns.Data[:2*image])
	o := Options{BatchSize: 2}
	if _, err := Run(context.Background(), &fake{channels: 1}, opened(t, half), model(1, "full"), o); err != nil {
		t.Errorf("one pattern with light: %v", err)
	}
}

func TestCancelledRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fake{channels: 1, run: func(batch int) error {
		if batch == 2 {
			cancel()
		}
		return nil
	}}
	_, err := Run(ctx, f, opened(t, scanData(50)), model(1, "full"), Options{BatchSize: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(f.sizes) > 2+2*buffers || f.prepared != f.closed {
		t.Errorf("%d batches ran; %d prepared, %d closed", len(f.sizes), f.prepared, f.closed)
	}
}

func TestRefusals(t *testing.T) {
	scan := opened(t, scanData(3))
	wide := model(1, "full")
	wide.Channels, wide.Gridsize = 9, 1
	large := model(1, "full")
	large.N, large.Probe = 128, ndarray.New[complex64](128, 128)
	dark := model(1, "full")
	dark.Probe = ndarray.New[complex64](n, n)
	for name, c := range map[string]struct {
		contract contract.Contract
		options  Options
		key      string
	}{
		"patterns of another size": {large, Options{BatchSize: 1}, "diff3d"},
		"a dark probe":             {dark, Options{BatchSize: 1}, "probeGuess"},
		"too few for a group":      {model(4, "full"), Options{BatchSize: 1}, "xcoords"},
		"no batch size":            {model(1, "full"), Options{}, "batch_size"},
		"a negative batch size":    {model(1, "full"), Options{BatchSize: -1}, "batch_size"},
		"metadata of another net":  {wide, Options{BatchSize: 1}, "graph"},
	} {
		var bad *badinput.Error
		_, err := Run(context.Background(), &fake{channels: 1}, scan, c.contract, c.options)
		if !errors.As(err, &bad) || bad.Key != c.key {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
