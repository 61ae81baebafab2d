package watch

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
	"ptyx/stitch"
)

// A table has what a map has, with dense and with distant ids in any order.
func TestTable(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int64{500, maxID} {
		var ids table[int64]
		want := map[int64]int64{}
		for range 2000 {
			id := random.Int64N(most)
			got, known := ids.get(id)
			if value, there := want[id]; known != there || got != value {
				t.Fatalf("id %d: %d and %v, expected %d and %v", id, got, known, value, there)
			}
			if !known {
				want[id] = random.Int64()
				ids.add(id, want[id])
			}
		}
		if ids.count != len(want) {
			t.Errorf("%d ids, expected %d", ids.count, len(want))
		}
		all := slices.Sorted(maps.Keys(want))
		if low, high := ids.span(); low != all[0] || high != all[len(all)-1] {
			t.Errorf("ids from %d to %d, expected %d to %d", low, high, all[0], all[len(all)-1])
		}
	}
}

// A million frames of a plan are to cost less than 60 MB: the planned positions, and what the object knows of each
// frame.
func TestMemoryOfFrames(t *testing.T) {
	const n, frames, most = 4, 1 << 18, 60
	weights := ndarray.New[float32](n, n)
	for i := range weights.Data {
		weights.Data[i] = 1
	}
	canvas, err := stitch.NewGrowing(n, weights)
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	p, o := newPositions("plan.csv", dataset.View{}), newObject(canvas, nil)
	ids, x, patch := numbered(0, frames), make([]float64, frames), make([]complex64, n*n)
	for i := range x {
		x[i] = float64(i % 100)
	}
	p.add(ids, x, x, "px")
	p.fresh, ids = nil, nil
	for id := range int64(frames) {
		at, _ := p.byID.get(id)
		f := frame{id: id, x: at.x, y: at.y, sum: uint64(id)}
		o.claim(f)
		if err := o.put(f, patch, nil); err != nil {
			t.Fatal(err)
		}
	}
	x = nil
	each := float64(heap()-before) / frames
	if each > most {
		t.Errorf("a frame takes %.0f bytes, expected at most %d", each, most)
	}
	runtime.KeepAlive(p)
	runtime.KeepAlive(o)
}

// heap is the memory in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
