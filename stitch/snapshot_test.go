package stitch_test

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/stitch"
)

// wideScan is a scan of an object that is computed in several bands: 2000 pixels wide, 300 high.
func wideScan(frames int) scan {
	s := randomScan(5, 8, frames)
	x, y := testutil.Uniform(6, -1000, 1000, frames), testutil.Uniform(7, -150, 150, frames)
	for i := range frames {
		s.x[i], s.y[i] = float64(x.Data[i]), float64(y.Data[i])
	}
	return s
}

// arrays is the digest of a snapshot's arrays.
func arrays(object *stitch.ComplexArray, coverage, spread *stitch.Array, row, col int) string {
	h := sha256.New()
	fmt.Fprint(h, object.Shape, object.Data, coverage.Data, spread.Data, row, col)
	return string(h.Sum(nil))
}

func now(c *stitch.Canvas) string {
	row, col := c.Origin()
	return arrays(c.Object(), c.Coverage(), c.Spread(), row, col)
}

func complete(s *stitch.Snapshot) string {
	s.Complete()
	return arrays(s.Object, s.Coverage, s.Spread, s.Row, s.Col)
}

// TestSnapshots: a snapshot is the object of its moment, whatever is added before it is computed, also if the canvas
// grows or moves meanwhile.
func TestSnapshots(t *testing.T) {
	s := wideScan(300)
	c, err := stitch.NewGrowing(s.n, gaussian(s.n))
	if err != nil {
		t.Fatal(err)
	}
	type moment struct {
		snapshot *stitch.Snapshot
		want     string
	}
	moments := []moment{{c.Snapshot(), now(c)}}
	for i := range s.x {
		if err := c.Cover(s.x[i:i+1], s.y[i:i+1], nil); err != nil {
			t.Fatal(err)
		}
		s.add(t, c, []int{i})
		if i%60 == 59 {
			moments = append(moments, moment{c.Snapshot(), now(c)})
		}
	}
	for i, m := range moments {
		if complete(m.snapshot) != m.want {
			t.Errorf("snapshot %d is not the object of its moment", i)
		}
	}
	if complete(c.Snapshot()) != now(c) {
		t.Error("a snapshot of the end is not the object")
	}
}

// TestSnapshotsWhileAdding: while several goroutines add patches, each snapshot has complete patches only. The sum of
// its coverage counts them.
func TestSnapshotsWhileAdding(t *testing.T) {
	s := wideScan(400)
	c := s.canvas(t)
	var adding sync.WaitGroup
	for part := range 4 {
		adding.Go(func() {
			for i := part * 100; i < part*100+100; i++ {
				s.add(t, c, []int{i})
			}
		})
	}
	ended := make(chan struct{})
	go func() { adding.Wait(); close(ended) }()
	total := func(p *stitch.Snapshot) (sum float64) {
		for _, v := range p.Coverage.Data {
			sum += float64(v)
		}
		return sum
	}
	patch := 0.0
	for _, v := range gaussian(s.n).Data {
		patch += float64(v) / 37 // the largest
	}
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		p := c.Snapshot()
		p.Complete()
		if n := total(p) / patch; n > 400.5 || !whole(n) {
			t.Fatalf("a snapshot has %g patches", n)
		}
	}
	if complete(c.Snapshot()) != now(c) {
		t.Error("the last snapshot is not the object")
	}
}

// whole reports whether a number of patches is an integer, up to the rounding of weights.
func whole(n float64) bool { return n-float64(int(n+0.5)) < 0.05 && float64(int(n+0.5))-n < 0.05 }
