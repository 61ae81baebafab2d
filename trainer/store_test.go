package trainer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
)

// written is a scan in a file of its own, with true patches if it has them, stored in the archive or compressed.
func written(t *testing.T, data dataset.ScanData, patches *ndarray.Complex64, options ...npz.Option) *dataset.Scan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	members := []npz.Member{
		{Key: dataset.KeyPatterns, Value: data.Patterns}, {Key: dataset.KeyX, Value: data.X},
		{Key: dataset.KeyY, Value: data.Y},
		{Key: dataset.KeyProbe, Value: data.Probe}, {Key: dataset.KeyObject, Value: data.Object},
	}
	if patches != nil {
		members = append(members, npz.Member{Key: dataset.KeyTruth, Value: patches})
	}
	if err := npz.Write(path, members, options...); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{Input: dataset.Amplitude})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scan.Close() })
	return scan
}

// forms are the ways in which an archive holds its members.
func forms() map[string][]npz.Option {
	return map[string][]npz.Option{"stored": {npz.Stored}, "compressed": nil}
}

// fromDisk trains with memory for a single byte of patterns.
func fromDisk(t *testing.T, r Request, ctx context.Context) (*Result, string) {
	t.Helper()
	r.MemoryLimit, r.Scratch = 1, t.TempDir()
	result, err := Train(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(r.Scratch); err != nil || len(left) > 0 {
		t.Errorf("%v was left in the scratch directory (%v)", left, err)
	}
	return result, r.Scratch
}

// TestFromDiskAsFromMemory: two scans in groups, with validation and a probe to calibrate, give the same models byte
// for byte whether memory holds the patterns or not, also when the training is interrupted and resumed.
func TestFromDiskAsFromMemory(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	c := small()
	c.Gridsize, c.BatchSize, c.ValFraction, c.Probe, c.ProbePasses, c.Seed = 2, 4, 0.2, ProbeTrainable, 2, 1
	for name, options := range forms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			build := func() (Request, *recorder) {
				r, progress := request(c, written(t, simulated(t, 8, 1), nil, options...), ort)
				r.Scans = append(r.Scans, written(t, brighter(t, 6), nil, options...))
				return r, progress
			}
			r, progress := build()
			want := train(t, r)
			again, seen := build()
			got, _ := fromDisk(t, again, context.Background())
			if !slices.Equal(seen.losses, progress.losses) || seen.epochs[1].ValLoss != progress.epochs[1].ValLoss {
				t.Errorf("losses %v, from memory %v", seen.losses, progress.losses)
			}
			if !bytes.Equal(got.Model.Marshal(), want.Model.Marshal()) ||
				!bytes.Equal(got.Best.Marshal(), want.Best.Marshal()) {
				t.Error("the models differ")
			}
			for i := range want.Probes {
				if !slices.Equal(got.Probes[i].Data, want.Probes[i].Data) {
					t.Errorf("probe %d differs", i)
				}
			}

			cut, stopped := build()
			cut.Checkpoint = filepath.Join(t.TempDir(), StateFile)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			stopped.afterBatch = func(batches int) {
				if batches == len(progress.losses)/2+1 {
					cancel()
				}
			}
			if part, _ := fromDisk(t, cut, ctx); !part.Cancelled {
				t.Error("it was not interrupted")
			}
			stopped.afterBatch = nil
			cut.Resume = cut.Checkpoint
			if resumed, _ := fromDisk(t, cut, context.Background()); !bytes.Equal(resumed.Model.Marshal(),
				want.Model.Marshal()) {
				t.Error("resumed, the model differs")
			}
		})
	}
}

// TestTruthFromDisk: patches come from disk with their patterns, beside a scan whose object is cut, and a scan for
// validation that has a store of its own.
func TestTruthFromDisk(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	data := simulated(t, 5, 1)
	patches := ndarray.New[complex64](5, 64, 64)
	for i := range patches.Data {
		if v, known := trueValue(data, i/4096, i%4096/64, i%64); known {
			patches.Data[i] = complex64(v)
		}
	}
	for name, options := range forms() {
		r, progress := request(supervised(), written(t, data, patches, options...), ort)
		r.Scans = append(r.Scans, written(t, brighter(t, 3), nil, options...))
		r.Validation = scans{written(t, data, patches, options...)}
		want := train(t, r)
		losses, val := slices.Clone(progress.losses), progress.epochs[1].ValLoss
		progress.losses = nil
		got, _ := fromDisk(t, r, context.Background())
		if !slices.Equal(progress.losses, losses) || progress.epochs[3].ValLoss != val ||
			!bytes.Equal(got.Model.Marshal(), want.Model.Marshal()) {
			t.Errorf("%s: losses %v, from memory %v", name, progress.losses, losses)
		}
	}
}

// many are patterns of one bright pixel each, at which they can be told apart.
func many(t *testing.T, count int) dataset.ScanData {
	t.Helper()
	data := simulated(t, 1, 1)
	data.Patterns = ndarray.New[float32](count, 64, 64)
	data.X, data.Y = make([]float64, count), make([]float64, count)
	for i := range count {
		data.Patterns.Data[i*64*64+i] = 1
		data.X[i], data.Y[i] = 40+float64(i%50), 40+float64(i/50)
	}
	return data
}

// TestAnEpochFromDisk shows every pattern once, in another order each epoch, in the memory of a few batches.
func TestAnEpochFromDisk(t *testing.T) {
	const count, batch = 1500, 16 // 24 MB of patterns
	data := many(t, count)
	for name, options := range forms() {
		r, _ := request(small(), written(t, data, nil, options...), engine.Tape{})
		r.MemoryLimit, r.Scratch = 1<<20, t.TempDir()
		before := heap()
		d, _, err := r.data()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var orders [][]int
		for epoch := range 2 {
			plan := shuffled(count, batch, 3, epoch)
			feed := d.feed(plan, 64)
			var shown []int
			for i := range plan {
				part, groups, err := feed.take()
				if err != nil {
					t.Fatal(err)
				}
				for _, g := range groups {
					place := part.Groups[g][0]
					image := part.Patterns.Data[place*64*64 : (place+1)*64*64]
					pattern := slices.Index(image, 1)
					if part.X[place] != data.X[pattern] || part.Y[place] != data.Y[pattern] {
						t.Fatalf("%s: pattern %d came with another position", name, pattern)
					}
					shown = append(shown, pattern)
				}
				if i%25 == 0 {
					// Positions, places and groups take some 150 bytes a pattern, a batch 256 KiB.
					if used := heap() - before; used > 4<<20 {
						t.Fatalf("%s: %d bytes of memory are in use", name, used)
					}
				}
			}
			feed.stop()
			if sorted := slices.Sorted(slices.Values(shown)); len(slices.Compact(sorted)) != count ||
				len(shown) != count {
				t.Errorf("%s: an epoch showed %d patterns", name, len(shown))
			}
			if !slices.Equal(shown, flat(plan)) {
				t.Errorf("%s: the order is not the plan's", name)
			}
			orders = append(orders, shown)
		}
		if slices.Equal(orders[0], orders[1]) {
			t.Errorf("%s: two epochs had the same order", name)
		}
	}
}

// heap is the memory in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestALimitThatIsEnough leaves everything in memory; a byte less does not.
func TestALimitThatIsEnough(t *testing.T) {
	t.Parallel()
	scan := opened(t, simulated(t, 5, 1))
	c := small()
	c.ValFraction = 0.4
	for extra, held := range map[int64]bool{0: true, -1: false} {
		r, _ := request(c, scan, engine.Tape{})
		r.MemoryLimit, r.Scratch = 5*64*64*4+extra, t.TempDir()
		a, b, err := r.data()
		if err != nil {
			t.Fatal(err)
		}
		if (a.store == nil) != held || (a.Patterns != nil) != held || a.store != b.store {
			t.Errorf("%+d bytes: stores %v and %v", extra, a.store, b.store)
		}
		a.Close()
		b.Close()
	}
}

// TestAFaultWhileReadingAhead is the error of its batch, and the reading ends.
func TestAFaultWhileReadingAhead(t *testing.T) {
	t.Parallel()
	scan := written(t, many(t, 40), nil, npz.Stored)
	r, _ := request(small(), scan, engine.Tape{})
	r.MemoryLimit = 1
	d, _, err := r.data()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := os.Truncate(scan.Path, 20*64*64*4); err != nil {
		t.Fatal(err)
	}
	var plan [][]int
	for i := range 40 {
		plan = append(plan, []int{i})
	}
	feed := d.feed(plan, 64)
	defer feed.stop()
	for i := range plan {
		if _, _, err = feed.take(); err != nil {
			if i < 15 || !strings.Contains(err.Error(), fmt.Sprint(scan.Path,
				": diff3d: found data that ends too early")) {
				t.Errorf("batch %d: %v", i, err)
			}
			return
		}
	}
	t.Error("patterns beyond the file's end were read")
}

// TestUnpackingWithoutRoomIsSaid.
func TestUnpackingWithoutRoomIsSaid(t *testing.T) {
	t.Parallel()
	r, progress := request(small(), written(t, simulated(t, 3, 1), nil), engine.Tape{})
	r.MemoryLimit, r.Scratch = 1, filepath.Join(t.TempDir(), "absent")
	if _, err := Train(context.Background(), r); err == nil || !strings.Contains(err.Error(), "scratch file") ||
		len(progress.losses) > 0 {
		t.Errorf("error %v", err)
	}
}
