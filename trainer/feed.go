package trainer

import "sync"

// ahead is the number of batches that a feed reads before they are needed, while steps run.
const ahead = 2

// feed delivers the batches of a plan, in order. If the images are in a store, a goroutine reads them ahead until stop.
type feed struct {
	data *Data
	plan [][]int
	next int

	loaded  chan loaded   // nil where memory holds the patterns
	stopped chan struct{} // closed by stop
	reader  sync.WaitGroup
}

// loaded is a batch: groups of data.
type loaded struct {
	data   *Data
	groups []int
	err    error
}

// feed starts to deliver a plan's batches; n is the side of the patterns.
func (d *Data) feed(plan [][]int, n int) *feed {
	f := &feed{data: d, plan: plan}
	if d.store == nil {
		return f
	}
	f.loaded, f.stopped = make(chan loaded, ahead), make(chan struct{})
	f.reader.Go(func() {
		for _, groups := range plan {
			batch := loaded{groups: make([]int, len(groups))}
			for i := range groups {
				batch.groups[i] = i
			}
			batch.data, batch.err = d.excerpt(groups, n)
			select {
			case f.loaded <- batch:
			case <-f.stopped:
				return
			}
			if batch.err != nil {
				return
			}
		}
	})
	return f
}

// take returns the next batch. The caller must not take more batches than the plan has.
func (f *feed) take() (*Data, []int, error) {
	if f.loaded == nil {
		f.next++
		return f.data, f.plan[f.next-1], nil
	}
	batch := <-f.loaded
	return batch.data, batch.groups, batch.err
}

// stop ends the reading and drops what was read ahead.
func (f *feed) stop() {
	if f.loaded != nil {
		close(f.stopped)
		f.reader.Wait()
	}
}
