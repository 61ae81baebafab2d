package watch

import (
	"slices"
	"sync"
	"testing"

	"ptyx/internal/base/scratch"
)

// fill puts frames 0 to count - 1 into a queue of 8, and returns it.
func fill(t *testing.T, count int, policy Policy, room int64) (q *queue, failed *int) {
	t.Helper()
	s, failed := scratch.New(t.TempDir(), 4, room), new(int)
	q = newQueue(8, policy, s, func(error) { *failed++ })
	for id := range count {
		q.put(arrival{id: int64(id), pattern: []float32{float32(id), 0, 0, 0}})
	}
	t.Cleanup(func() { _ = s.Close() })
	return q, failed
}

// drained takes all frames, two at a time, and returns their ids in order.
func drained(t *testing.T, q *queue) (ids []int64) {
	t.Helper()
	for {
		some := q.take(2)
		for _, a := range some {
			if a.pattern == nil {
				a.pattern = make([]float32, 4)
				if err := q.store.Take(a.place, a.pattern); err != nil {
					t.Fatal(err)
				}
			}
			if a.pattern[0] != float32(a.id) {
				t.Errorf("frame %d has the pattern of frame %v", a.id, a.pattern[0])
			}
			ids = append(ids, a.id)
		}
		if len(some) == 0 {
			return ids
		}
	}
}

// TestQueueSkips: while nothing is taken, put does not wait, and the frames for now are spread wider and wider. Then
// the others follow, and none is lost.
func TestQueueSkips(t *testing.T) {
	const count = 50
	q, failed := fill(t, count, Skip, 1<<20)
	now, kept, every := q.lengths()
	if now != 8 || kept != count-8 || every < 4 || *failed != 0 {
		t.Fatalf("%d frames are for now, %d for later, every %d; %d failures", now, kept, every, *failed)
	}
	ids := drained(t, q)
	if gap := ids[7] - ids[6]; gap < 2 {
		t.Errorf("the frames for now are %v, not spread", ids[:8])
	}
	slices.Sort(ids)
	if len(ids) != count || ids[count-1] != count-1 || len(slices.Compact(ids)) != count {
		t.Errorf("the queue gave %v", ids)
	}
	if _, _, every := q.lengths(); every != 1 {
		t.Errorf("the queue is empty, and the network gets every %d frames", every)
	}
}

// TestQueueWaits: with the policy wait, and without room on disk, put waits until a frame is taken.
func TestQueueWaits(t *testing.T) {
	for _, policy := range []Policy{Wait, Skip} {
		q, _ := fill(t, 8, policy, 16) // room for one frame
		var wait sync.WaitGroup
		put := make(chan bool, 2)
		wait.Go(func() {
			for id := range int64(2) {
				q.put(arrival{id: 8 + id, pattern: []float32{float32(8 + id), 0, 0, 0}})
				put <- true
			}
		})
		if policy == Skip {
			<-put // the one that has room on disk
		}
		select {
		case <-put:
			t.Errorf("%s: put did not wait", policy)
		default:
		}
		first := q.take(2)
		wait.Wait()
		ids := drained(t, q)
		for _, a := range first {
			ids = append(ids, a.id)
		}
		slices.Sort(ids)
		if !slices.Equal(ids, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("%s: the queue gave %v", policy, ids)
		}
	}
}
