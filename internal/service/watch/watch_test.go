package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const n, image = 64, 64 * 64

// fake is a network whose patch depends on its pattern d and the offset (x, y) alone: amplitude d/2 + x, phase
// d - 1 + y.
type fake struct {
	alive atomic.Int64 // batches prepared and not closed
	run   func() error
	flat  bool // all patches are 1
}

func (f *fake) Provider() string { return "fake" }
func (f *fake) Fallback() string { return "no kernel" }
func (f *fake) Close() error     { return nil }

func (f *fake) Prepare(b int) (predict.Batch, error) {
	f.alive.Add(1)
	array := func() *ndarray.Float32 { return ndarray.New[float32](b, 1, n, n) }
	return &fakeBatch{f, ndarray.New[float32](b, 2), array(), array(), array()}, nil
}

type fakeBatch struct {
	fake                                *fake
	offsets, patterns, amplitude, phase *ndarray.Float32
}

func (b *fakeBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (b *fakeBatch) Offsets() *ndarray.Float32  { return b.offsets }

func (b *fakeBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	if b.fake.run != nil {
		if err := b.fake.run(); err != nil {
			return nil, nil, err
		}
	}
	for i, d := range b.patterns.Data {
		offset := b.offsets.Data[2*(i/image):]
		b.amplitude.Data[i], b.phase.Data[i] = d/2+offset[0], d-1+offset[1]
		if b.fake.flat {
			b.amplitude.Data[i], b.phase.Data[i] = 1, 0
		}
	}
	return b.amplitude, b.phase, nil
}

func (b *fakeBatch) Close() error { b.fake.alive.Add(-1); return nil }

// model is the contract of the fake.
func model() contract.Contract {
	p := ndarray.New[complex64](n, n)
	for i := range p.Data {
		r, c := float64(i/n-n/2)/10, float64(i%n-n/2)/10
		p.Data[i] = complex(float32(math.Exp(-r*r-c*c)), 0)
	}
	return contract.Contract{N: n, Channels: 1, Gridsize: 1, ObjectExtent: "full", Probe: p}
}

// scanData are count random patterns at random places.
func scanData(count int) dataset.ScanData {
	x, y := testutil.Uniform(2, 40, 100, count), testutil.Uniform(3, 35, 85, count)
	d := dataset.ScanData{Patterns: testutil.Uniform(1, 0, 2, count, n, n), Probe: model().Probe}
	for i := range count {
		d.X, d.Y = append(d.X, float64(x.Data[i])), append(d.Y, float64(y.Data[i]))
	}
	return d
}

// members are some frames of a scan, as arrays of a part file.
func members(d dataset.ScanData, ids []int, withIDs bool) []npz.Member {
	part := ndarray.New[float32](len(ids), n, n)
	var numbers []int64
	var x, y []float64
	for i, id := range ids {
		copy(part.Data[i*image:], d.Patterns.Data[id*image:(id+1)*image])
		numbers, x, y = append(numbers, int64(id)), append(x, d.X[id]), append(y, d.Y[id])
	}
	m := []npz.Member{{Key: "diff3d", Value: part}, {Key: "xcoords", Value: x}, {Key: "ycoords", Value: y}}
	if withIDs {
		m = append(m, npz.Member{Key: "ids", Value: numbers})
	}
	return m
}

// write makes a part file, of a kind by its ending.
func write(t *testing.T, path string, m []npz.Member) {
	t.Helper()
	var err error
	switch filepath.Ext(path) {
	case ".npz":
		err = npz.Write(path, m)
	default:
		var library *hdf5.Library
		if library, err = hdf5.Load(hdf5test.Library()); err != nil {
			t.Fatal(err)
		}
		err = library.Create(path, func(w *hdf5.Writer) error {
			for _, one := range m {
				if err := w.Put(one.Key, one.Value); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// encode is the file that infer would write.
func encode(t *testing.T, r *reconstruct.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Encode(&b, "digest"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inferred is what reconstruct.Run, which is ptyx infer, makes of the first count frames as one scan.
func inferred(t *testing.T, d dataset.ScanData, count int) []byte {
	t.Helper()
	return inferredBy(t, model(), d, count)
}

// inferredBy is inferred with a contract of the network.
func inferredBy(t *testing.T, c contract.Contract, d dataset.ScanData, count int) []byte {
	t.Helper()
	return encode(t, inferredWith(t, &fake{}, c, d, count))
}

func inferredWith(t *testing.T, f *fake, c contract.Contract, d dataset.ScanData, count int) *reconstruct.Result {
	t.Helper()
	d.Patterns = ndarray.Wrap(d.Patterns.Data[:count*image], count, n, n)
	d.X, d.Y = d.X[:count], d.Y[:count]
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{NoProbe: true, NoObject: true})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	r, err := reconstruct.Run(context.Background(), f, scan, c, reconstruct.Options{BatchSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// unturned is what made returns if the patches have no directory to wait in, so that they are not turned to one phase.
func unturned(t *testing.T, made func() []byte) []byte {
	t.Helper()
	usual := os.TempDir()
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	defer t.Setenv("TMPDIR", usual)
	return made()
}

// script is a clock that never waits: before it wakes for the i-th time it does step i.
type script struct {
	now   time.Time
	steps []func()
	slept int
}

func (s *script) Now() time.Time { return s.now }

func (s *script) Sleep(_ context.Context, d time.Duration) {
	s.now = s.now.Add(d)
	if s.slept < len(s.steps) {
		s.steps[s.slept]()
	}
	s.slept++
}

// run is a watch under test.
type run struct {
	t     *testing.T
	o     Options
	clock *script
	log   bytes.Buffer
	saved [][]byte
	fake  *fake
}

// watching follows a new directory, or a path in it, once a second until nothing has come for five.
func watching(t *testing.T) *run {
	r := &run{t: t, clock: &script{now: time.Unix(1e9, 0)}, fake: &fake{}}
	r.o = Options{
		Path: t.TempDir(), Read: dataset.Options{View: dataset.View{Library: hdf5test.Library()}}, BatchSize: 4,
		Interval: time.Second, Idle: 5 * time.Second, GiveUp: 3 * time.Second,
		Every: 2 * time.Second, Grace: 10 * time.Second, Contract: model(), Predictor: r.fake, Clock: r.clock,
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Save: func(result *reconstruct.Result) error {
			r.saved = append(r.saved, encode(t, result))
			return nil
		},
	}
	return r
}

func (r *run) path(name string) string { return filepath.Join(r.o.Path, name) }

// step has something done before the next look but those of earlier steps.
func (r *run) step(do func()) { r.clock.steps = append(r.clock.steps, do) }

// end runs it and checks how it ended, what was counted and what was made.
func (r *run) end(ctx context.Context, ended End, want Tally, object []byte) {
	r.t.Helper()
	out, err := Run(ctx, r.o)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.log.String())
	}
	if out.Ended != ended || out.Tally != want {
		r.t.Errorf("ended %s with %+v, want %s with %+v\n%s", out.Ended, out.Tally, ended, want, r.log.String())
	}
	if len(r.saved) == 0 || !bytes.Equal(r.saved[len(r.saved)-1], object) {
		r.t.Errorf("the object of %d savings is not what infer makes of the frames", len(r.saved))
	}
	if r.fake.alive.Load() != 0 {
		r.t.Errorf("%d batches are left open", r.fake.alive.Load())
	}
}

// TestAnyOrderGivesTheSameBytes: parts of every kind, in any order and number, repeated, give the bytes that ptyx infer
// writes.
func TestAnyOrderGivesTheSameBytes(t *testing.T) {
	const count = 11
	d := scanData(count)
	want := inferred(t, d, count)
	for seed := range uint64(4) {
		r, random := watching(t), rand.New(rand.NewPCG(seed, 1))
		late := 0
		largest := -1
		for pass := range 2 {
			for i, ids := range slices.Collect(slices.Chunk(random.Perm(count), 1+int(seed))) {
				name := fmt.Sprintf("%d-%02d%s", pass, i, []string{".npz", ".h5"}[random.IntN(2)])
				r.step(func() { write(t, r.path(name), members(d, ids, true)) })
				for _, id := range ids {
					if pass == 0 && id < largest {
						late++
					}
				}
				largest = max(largest, slices.Max(ids))
			}
		}
		r.end(context.Background(), Idle, Tally{Frames: count, Repeated: count, Late: late}, want)
	}
}

// TestTrend: the last object has the trend that ptyx infer finds, in whichever order frames arrive. The network finds
// nothing but 1, and the patterns are those of a smooth object.
func TestTrend(t *testing.T) {
	const count = 16
	d := scanData(count)
	far, intensity, patch := optics.NewPropagator(n), make([]float64, image), ndarray.New[complex64](n, n)
	for i := range count {
		row, col := fr.Corner(d.X[i], d.Y[i], n)
		for k := range patch.Data {
			y, x := float64(row+k/n), float64(col+k%n)
			patch.Data[k] = complex64(cmplx.Rect(1+0.1*math.Cos(y/15), 0.3*math.Sin(x/14)))
		}
		probe := optics.ShiftProbe(d.Probe, fr.Fraction(d.Y[i]), fr.Fraction(d.X[i]))
		far.Intensity(optics.ExitWave(probe, patch), intensity)
		for k, v := range intensity {
			d.Patterns.Data[i*image+k] = float32(math.Sqrt(v))
		}
	}
	inferred := inferredWith(t, &fake{flat: true}, model(), d, count)
	changed := 0.0
	for _, v := range inferred.Object.Data {
		changed = max(changed, math.Abs(cmplx.Phase(complex128(v))))
	}
	if !(changed > 0.1) {
		t.Fatalf("the object of ptyx infer has a trend of %g rad", changed)
	}
	want := encode(t, inferred)
	for seed := range uint64(2) {
		r, random := watching(t), rand.New(rand.NewPCG(seed, 1))
		r.fake.flat = true
		r.o.Stream.Scratch = t.TempDir()
		for i, ids := range slices.Collect(slices.Chunk(random.Perm(count), 5)) {
			r.step(func() { write(t, r.path(fmt.Sprintf("%d.npz", i)), members(d, ids, true)) })
		}
		if _, err := Run(t.Context(), r.o); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.saved[len(r.saved)-1], want) {
			t.Errorf("seed %d: another object than that of ptyx infer; log %s", seed, r.log.String())
		}
	}
}

// What a patch takes on the disk: 8 bytes for each value of it, and of its coarse copy of 17 x 17. Its pattern takes 4
// bytes for each value, if it is kept.
const (
	keptBytes        = 8 * (image + 17*17)
	keptPatternBytes = 4 * image
)

// TestGeneralNetwork: at the end the patches are turned to one phase, as by ptyx infer, in whichever order frames
// arrive. If the patches do not fit on the disk, the object is the one before, and the log says so.
func TestGeneralNetwork(t *testing.T) {
	const count = 11
	d, general := scanData(count), model()
	general.TrainingInput = contract.Simulated
	want := inferredBy(t, general, d, count)
	for seed := range uint64(3) {
		r, random := watching(t), rand.New(rand.NewPCG(seed, 1))
		r.o.Contract = general
		r.o.Stream.Scratch, r.o.Stream.Room = filepath.Join(t.TempDir(), "new"), count*(keptBytes+keptPatternBytes)
		r.o.Page = NewPage(general)
		full := seed == 2
		if full {
			r.o.Stream.Room = count*keptBytes - 1
		}
		for i, ids := range slices.Collect(slices.Chunk(random.Perm(count), 4)) {
			r.step(func() { write(t, r.path(fmt.Sprintf("%d.npz", i)), members(d, ids, true)) })
		}
		if _, err := Run(t.Context(), r.o); err != nil {
			t.Fatal(err)
		}
		last := r.saved[len(r.saved)-1]
		if bytes.Equal(last, want) == full || strings.Contains(r.log.String(), "raise --keep-gb") != full {
			t.Errorf("seed %d: the object of ptyx infer: %v; log %s", seed, bytes.Equal(last, want), r.log.String())
		}
		if full {
			continue
		}
		if before := r.saved[len(r.saved)-2]; bytes.Equal(before, last) {
			t.Errorf("seed %d: the last object is the one before the patches are turned", seed)
		}
		var found, shown [1]complex64
		r.o.Page.Look(60, 60, 1, 1, 1, shown[:], make([]float32, 1), nil)
		object, err := npz.NewReader("object", bytes.NewReader(last), int64(len(last)))
		if err != nil {
			t.Fatal(err)
		}
		values, err := object.Complex64("object")
		origin, fault := object.Int64s("origin")
		if err != nil || fault != nil {
			t.Fatal(err, fault)
		}
		found[0] = values.Data[(60-int(origin[0]))*values.Shape[1]+60-int(origin[1])]
		if found != shown {
			t.Errorf("the page shows %v, where the last object has %v", shown, found)
		}
	}
}

// TestIDsOfNames: without ids, the number at the end of a file's name identifies its frames.
func TestIDsOfNames(t *testing.T) {
	d := scanData(7)
	for _, tt := range []struct {
		name        string
		first, each int
		parts       map[string][]int // by file
		want        Tally
		whole       int // frames 0 to whole - 1 are the object
		said        string
	}{
		{name: "one each", parts: map[string][]int{"a_2.npz": {2}, "a_0.npz": {0}, "a_001.npz": {1}},
			want: Tally{Frames: 3}, whole: 3},
		{name: "several each, the last with fewer", first: 1, each: 3,
			parts: map[string][]int{"p3.npz": {6}, "p1.npz": {0, 1, 2}, "p2.npz": {3, 4, 5}}, want: Tally{Frames: 7},
			whole: 7},
		{name: "more than said", each: 2, parts: map[string][]int{"p0.npz": {0, 1}, "p1.npz": {2, 3, 4}},
			want: Tally{Frames: 2, Broken: 1}, whole: 2, said: "3 frames and no ids"},
		{name: "no number", parts: map[string][]int{"p0.npz": {0}, "pi.npz": {1}}, want: Tally{Frames: 1, Broken: 1},
			whole: 1, said: "a name without a number"},
		{name: "below the first", first: 5, parts: map[string][]int{"p4.npz": {1}, "p5.npz": {0}},
			want: Tally{Frames: 1, Broken: 1}, whole: 1, said: "expected 5 or more, as --first-file says"},
		{name: "a huge number", parts: map[string][]int{"p0.npz": {0}, "p99999999999999999999.npz": {1}},
			want: Tally{Frames: 1, Broken: 1}, whole: 1, said: "a smaller one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := watching(t)
			r.o.FirstFile, r.o.FramesPerFile = tt.first, tt.each
			for name, ids := range tt.parts {
				write(t, r.path(name), members(d, ids, false))
			}
			r.end(context.Background(), Idle, tt.want, inferred(t, d, tt.whole))
			if !strings.Contains(r.log.String(), tt.said) {
				t.Errorf("the log does not say %q:\n%s", tt.said, r.log.String())
			}
		})
	}
}

// spoil changes the bytes of a file.
func spoil(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedFiles: a damaged file is tried for a while and logged once. Its frames may come again in another file.
func TestDamagedFiles(t *testing.T) {
	const count = 4
	d := scanData(count)
	want := inferred(t, d, count)
	nan := scanData(count)
	nan.Patterns.Data[3*image+5] = float32(math.NaN())
	wrong := []npz.Member{{Key: "diff3d", Value: ndarray.New[float32](1, 2*n, 2*n)},
		{Key: "xcoords", Value: []float64{50}}, {Key: "ycoords", Value: []float64{50}}, {Key: "ids", Value: []int64{3}}}
	with := func(key string, value any) []npz.Member {
		m := members(d, []int{3}, true)
		for i := range m {
			if m[i].Key == key {
				m[i].Value = value
			}
		}
		return m
	}
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for _, tt := range []struct {
		name, file string
		bad        []npz.Member
		change     func([]byte) []byte
		said       string
	}{
		{"truncated NPZ", "b.npz", members(d, []int{2, 3}, true), half, "b.npz: "},
		{"truncated HDF5", "b.h5", members(d, []int{2, 3}, true), half, "b.h5: "},
		{"another byte", "b.npz", members(d, []int{2, 3}, true), func(b []byte) []byte { b[5000] ^= 1; return b },
			"b.npz: "},
		{"empty", "b.npz", members(d, []int{2, 3}, true), func([]byte) []byte { return nil }, "b.npz: "},
		{"wrong N", "b.npz", wrong, nil, "patterns of 128 x 128"},
		{"NaN", "b.npz", members(nan, []int{2, 3}, true), nil, "NaN in frame 1"},
		{"NaN position", "b.npz", with("xcoords", []float64{math.NaN()}), nil, "NaN at position 0"},
		{"negative id", "b.npz", with("ids", []int64{-1}), nil, "-1 at index 0"},
		{"too few ids", "b.npz", with("ids", []int64{}), nil, "0 values"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := watching(t)
			r.o.Idle = 20 * time.Second
			write(t, r.path("a.npz"), members(d, []int{0, 1}, true))
			write(t, r.path(tt.file), tt.bad)
			if tt.change != nil {
				spoil(t, r.path(tt.file), tt.change)
			}
			for range 10 {
				r.step(func() {})
			}
			r.step(func() { write(t, r.path("c.npz"), members(d, []int{2, 3}, true)) })
			r.end(context.Background(), Idle, Tally{Frames: count, Broken: 1}, want)
			if said := r.log.String(); strings.Count(said, "a file is skipped") != 1 ||
				!strings.Contains(said, tt.said) {
				t.Errorf("not named once with %q:\n%s", tt.said, said)
			}
		})
	}
}

// TestUnfinishedFiles: a file that is still being written is not damaged.
func TestUnfinishedFiles(t *testing.T) {
	d := scanData(3)
	r := watching(t)
	path := r.path("a.npz")
	write(t, path, members(d, []int{0, 1, 2}, true))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		r.step(func() {
			if err := os.WriteFile(path, whole[:(i+1)*len(whole)/8], 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
	r.end(context.Background(), Idle, Tally{Frames: 3}, inferred(t, d, 3))
	if strings.Contains(r.log.String(), "WARN") {
		t.Errorf("a file that grows is complained of:\n%s", r.log.String())
	}
}

// TestRepairedFile: a broken file that is replaced under its name is used.
func TestRepairedFile(t *testing.T) {
	d := scanData(3)
	r := watching(t)
	r.o.Idle = 20 * time.Second
	write(t, r.path("a.npz"), members(d, []int{0}, true))
	if err := os.WriteFile(r.path("b.npz"), []byte("PK"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		r.step(func() {})
	}
	r.step(func() { write(t, r.path("b.npz"), members(d, []int{1, 2}, true)) })
	r.end(context.Background(), Idle, Tally{Frames: 3}, inferred(t, d, 3))
	if !strings.Contains(r.log.String(), "b.npz") {
		t.Error("the broken file was not named")
	}
}

// TestCounts: missing ids, conflicting frames and refused ones are counted.
func TestCounts(t *testing.T) {
	d := scanData(9)
	other := scanData(9)
	other.Patterns.Data[0] += 0.25
	bright := scanData(9)
	for i := range image {
		bright.Patterns.Data[8*image+i] = 100 // of which fake makes a transmission of 50
	}
	bright.Patterns = ndarray.Wrap(bright.Patterns.Data, 9, n, n)
	r := watching(t)
	write(t, r.path("a.npz"), members(d, []int{0, 1, 2}, true))
	r.step(func() { write(t, r.path("b.npz"), members(other, []int{0, 1}, true)) })
	r.step(func() { write(t, r.path("c.npz"), members(bright, []int{8}, true)) })
	r.end(context.Background(), Idle, Tally{Frames: 3, Missing: 6, Repeated: 1, Conflicting: 1, Refused: 1},
		inferred(t, d, 3))
	if said := r.log.String(); !strings.Contains(said, "frame 0 differs") || !strings.Contains(said, "frame 8") {
		t.Errorf("frames are not named:\n%s", said)
	}
	r.o.Frames, r.saved, r.clock.slept, r.clock.steps = 20, nil, 0, nil
	r.end(context.Background(), Idle, Tally{Frames: 3, Missing: 17, Repeated: 1, Conflicting: 1, Refused: 1},
		inferred(t, d, 3))
}

// TestEnds: a watch ends with the last frame, with a signal after new frames, or without any frame.
func TestEnds(t *testing.T) {
	d := scanData(6)
	r := watching(t)
	r.o.Frames, r.o.Idle = 6, 0
	write(t, r.path("a.npz"), members(d, []int{0, 1, 2}, true))
	r.step(func() {})
	r.step(func() { write(t, r.path("b.npz"), members(d, []int{3, 4, 5}, true)) })
	r.end(context.Background(), Complete, Tally{Frames: 6}, inferred(t, d, 6))

	r = watching(t)
	r.o.Idle = 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	write(t, r.path("a.npz"), members(d, []int{0, 1, 2}, true))
	r.step(func() {})
	r.step(func() { write(t, r.path("b.npz"), members(d, []int{3, 4, 5}, true)); cancel() })
	r.end(ctx, Interrupted, Tally{Frames: 6}, inferred(t, d, 6))

	r = watching(t)
	out, err := Run(context.Background(), r.o)
	if err != nil || out.Ended != Idle || out.Result != nil || len(r.saved) != 0 {
		t.Errorf("nothing came, and %+v, %v, %d savings", out, err, len(r.saved))
	}
}

// TestSaving: the object is saved at most once in Every, each time with the bytes of ptyx infer, which at last are
// those of turned patches.
func TestSaving(t *testing.T) {
	const count = 8
	d := scanData(count)
	r := watching(t)
	r.o.Every = 3 * time.Second
	var times []time.Time
	save := r.o.Save
	r.o.Save = func(result *reconstruct.Result) error { times = append(times, r.clock.now); return save(result) }
	for i := range count {
		r.step(func() { write(t, r.path(fmt.Sprintf("%d.npz", i)), members(d, []int{i}, false)) })
	}
	r.end(context.Background(), Idle, Tally{Frames: count}, inferred(t, d, count))
	if len(times) < 4 || len(times) > 5 { // the last one is of patches that were turned
		t.Errorf("%d savings in %d seconds", len(times), r.clock.slept)
	}
	for i, at := range times[1:] {
		if gap := at.Sub(times[i]); gap < r.o.Every && i < len(times)-2 {
			t.Errorf("%v between two savings", gap)
		}
	}
	var parts [][]byte
	for frames := 1; frames <= count; frames++ {
		parts = append(parts, unturned(t, func() []byte { return inferred(t, d, frames) }))
	}
	for _, object := range r.saved[:len(r.saved)-1] {
		found := slices.ContainsFunc(parts, func(part []byte) bool { return bytes.Equal(object, part) })
		if !found {
			t.Error("what was saved on the way is no object of the first frames")
		}
	}
}

// TestMissingDirectory: a directory that disappears is logged once and followed when it is back.
func TestMissingDirectory(t *testing.T) {
	d := scanData(2)
	r := watching(t)
	r.o.Idle = 10 * time.Second
	write(t, r.path("0.npz"), members(d, []int{0}, false))
	away := filepath.Join(t.TempDir(), "away")
	move := func(from, to string) func() {
		return func() {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.step(func() {})
	r.step(move(r.o.Path, away))
	r.step(func() {})
	r.step(func() {})
	r.step(move(away, r.o.Path))
	r.step(func() { write(t, r.path("1.npz"), members(d, []int{1}, false)) })
	r.end(context.Background(), Idle, Tally{Frames: 2}, inferred(t, d, 2))
	if strings.Count(r.log.String(), "cannot look") != 1 {
		t.Errorf("not told once:\n%s", r.log.String())
	}
}

// TestFailures: an error of the network ends the watch. If Save fails until the end, its error does after a while.
func TestFailures(t *testing.T) {
	d := scanData(1)
	r := watching(t)
	write(t, r.path("0.npz"), members(d, []int{0}, true))
	r.fake.run = func() error { return fmt.Errorf("out of order") }
	if _, err := Run(context.Background(), r.o); err == nil || !strings.Contains(err.Error(), "out of order") ||
		r.fake.alive.Load() != 0 {
		t.Errorf("the network fails, and Run returns %v", err)
	}
	r.fake.run = nil
	r.o.Save = func(*reconstruct.Result) error { return fmt.Errorf("disk full") }
	if _, err := Run(context.Background(), r.o); err == nil || !strings.Contains(err.Error(), "disk full") ||
		r.fake.alive.Load() != 0 {
		t.Errorf("saving fails, and Run returns %v", err)
	}
}

// TestFullDisk: a watch whose object cannot be saved for a while goes on and saves it later, also at the very end. It
// logs the failure once.
func TestFullDisk(t *testing.T) {
	d := scanData(4)
	for name, tt := range map[string]struct{ from, to int }{ // seconds in which saving fails
		"on the way": {2, 6}, "at the end": {0, 10},
	} {
		t.Run(name, func(t *testing.T) {
			r := watching(t)
			begun, save, failures := r.clock.now, r.o.Save, 0
			r.o.Save = func(result *reconstruct.Result) error {
				if s := int(r.clock.now.Sub(begun).Seconds()); s >= tt.from && s < tt.to {
					failures++
					return fmt.Errorf("disk full")
				}
				return save(result)
			}
			for i := range 4 {
				r.step(func() { write(t, r.path(fmt.Sprintf("%d.npz", i)), members(d, []int{i}, false)) })
			}
			r.end(context.Background(), Idle, Tally{Frames: 4}, inferred(t, d, 4))
			if failures < 2 || strings.Count(r.log.String(), "cannot be saved") != 1 {
				t.Errorf("%d failures, logged as\n%s", failures, r.log.String())
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for said, change := range map[string]func(*Options){
		"--interval":      func(o *Options) { o.Interval = 0 },
		"--idle":          func(o *Options) { o.Idle = -1 },
		"--frames":        func(o *Options) { o.Frames = -1 },
		"--batch-size":    func(o *Options) { o.BatchSize = 0 },
		"single patterns": func(o *Options) { o.Contract.Channels = 4 },
	} {
		o := watching(t).o
		change(&o)
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
}
