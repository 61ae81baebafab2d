package serve

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
)

// job is the patterns of one request on their way through a network.
type job struct {
	ctx         context.Context // done when nobody waits for the job
	request     predict.Request // its outputs are written until finished is closed
	samples     int
	arrived     time.Time
	taken, done int      // samples put into batches; samples computed
	providers   []string // what computed them, without repetition
	err         error
	finished    chan struct{}
}

// hasProbe reports whether the job comes with its own probe. Then it shares no batch.
func (j *job) hasProbe() bool { return j.request.Probe.Re != nil }

// part is a range of a job's samples in a batch.
type part struct {
	*job
	first, count int
}

// patches are the results of a job.
type patches struct {
	outputs   [][]float32 // of the network, (samples, C, N, N) each
	providers []string    // what computed them
}

// queue is a model's queue. Jobs wait in it in order of arrival, and one goroutine cuts them into batches for the
// network: a batch may hold part of a large job or several small ones. Cancelled jobs leave the queue uncomputed.
type queue struct {
	network   Network
	model     string
	slots     chan struct{} // holds a token for each batch in the network, of all models
	metrics   modelMetrics
	size      int           // values of a sample
	batch     int           // most samples of a batch
	batchWait time.Duration // of a batch's first job
	limit     int           // most samples that wait

	mu      sync.Mutex
	jobs    []*job
	waiting int // samples not yet in a batch
	running int // batches in the network
	closed  bool
	shared  bool          // other jobs came with or during the last batch, so a batch should wait for more
	changed chan struct{} // receives a token after each change
	ended   chan struct{}

	batches sync.WaitGroup // those in the network
}

// newQueue starts the queue of a model.
func newQueue(m Model, o Options, network Network, metrics modelMetrics, slots chan struct{}) *queue {
	q := &queue{
		network: network, model: m.Name, slots: slots, metrics: metrics, size: ndarray.Size(m.sampleShape()),
		batch: o.BatchSize, batchWait: o.BatchWait, limit: o.Queue,
		shared: true, changed: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if m.MaxBatch > 0 {
		q.batch = min(q.batch, m.MaxBatch)
	}
	go q.work()
	return q
}

// stride is how many of many samples to submit at once: a few batches, enough to keep the network busy.
func (q *queue) stride() int { return min(max(4, q.network.AtOnce())*q.batch, q.limit) }

// submit computes the patches of a request, whose arrays for the outputs it makes, on request with the variance. It
// returns errFull, errClosing or ctx's error early.
func (q *queue) submit(ctx context.Context, r predict.Request, variance bool) (patches, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.First, r.Second = make([]float32, len(r.Patterns)), make([]float32, len(r.Patterns))
	outputs := [][]float32{r.First, r.Second}
	if variance {
		r.LogVariance = make([]float32, len(r.Patterns))
		outputs = append(outputs, r.LogVariance)
	}
	j := &job{
		ctx: ctx, request: r, samples: len(r.Patterns) / q.size, arrived: time.Now(), finished: make(chan struct{}),
	}
	if err := q.add(j); err != nil {
		return patches{}, err
	}
	select {
	case <-j.finished:
		return patches{outputs, j.providers}, j.err
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		q.drop(j)
		return patches{}, ctx.Err()
	}
}

func (q *queue) add(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errClosing
	case q.waiting+j.samples > q.limit:
		return errFull
	}
	q.jobs = append(q.jobs, j)
	q.addWaiting(j.samples)
	q.wake()
	return nil
}

// drop removes a job's remaining samples. It is called with the queue locked.
func (q *queue) drop(j *job) {
	if i := slices.Index(q.jobs, j); i >= 0 {
		q.jobs = slices.Delete(q.jobs, i, i+1)
		q.addWaiting(j.taken - j.samples)
	}
}

// dropCancelled is called with the queue locked.
func (q *queue) dropCancelled() {
	for _, j := range slices.Clone(q.jobs) {
		if j.ctx.Err() != nil {
			q.drop(j)
		}
	}
}

// addWaiting is called with the queue locked.
func (q *queue) addWaiting(samples int) {
	q.waiting += samples
	q.metrics.waiting.Set(float64(q.waiting))
}

// addRunning is called with the queue locked.
func (q *queue) addRunning(batches int) {
	q.running += batches
	q.metrics.running.Set(float64(q.running))
}

func (q *queue) wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// close refuses new jobs; those in the queue are still computed.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

// wait returns when the closed queue is empty.
func (q *queue) wait() { <-q.ended }

// work passes batches to the network until the queue is closed and empty. It fills a batch only when the network has a
// free slot, so that jobs can still be cancelled, and join the batch, while they wait for the slot.
func (q *queue) work() {
	defer close(q.ended)
	defer q.batches.Wait()
	for q.awaitBatch() {
		q.slots <- struct{}{}
		parts := q.take()
		if len(parts) == 0 {
			<-q.slots
			continue
		}
		q.batches.Go(func() {
			provider, err := q.compute(parts)
			q.finish(parts, provider, err)
			<-q.slots
			q.wake()
		})
	}
}

// awaitBatch waits until a batch is due: it is full, or its first job has waited for batchWait. A client that is alone
// does not wait. It reports false when the queue has ended.
func (q *queue) awaitBatch() bool {
	for {
		due, delay, ended := q.due()
		if due || ended {
			return due
		}
		if delay == 0 {
			<-q.changed
			continue
		}
		select {
		case <-q.changed:
		case <-time.After(delay):
		}
	}
}

// due reports whether a batch is due, and otherwise how long to wait for it; 0: until a change.
func (q *queue) due() (due bool, delay time.Duration, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropCancelled()
	if len(q.jobs) == 0 {
		return false, 0, q.closed
	}
	if q.running == q.network.AtOnce() {
		return false, 0, false
	}
	left := q.batchWait - time.Since(q.jobs[0].arrived)
	if q.shared && q.waiting < q.batch && left > 0 && !q.closed && !q.jobs[0].hasProbe() {
		return false, left, false
	}
	return true, 0, false
}

// take fills a batch from the front of the queue. It is empty if all jobs were cancelled.
func (q *queue) take() (parts []part) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropCancelled()
	for room := q.batch; room > 0 && len(q.jobs) > 0; {
		j := q.jobs[0]
		if j.hasProbe() {
			if len(parts) > 0 {
				break
			}
			room = q.roomFor(j)
		}
		n := min(room, j.samples-j.taken)
		parts = append(parts, part{job: j, first: j.taken, count: n})
		j.taken += n
		if room -= n; j.hasProbe() {
			room = 0
		}
		q.addWaiting(-n)
		if j.taken == j.samples {
			q.jobs = slices.Delete(q.jobs, 0, 1)
		}
	}
	if len(parts) > 0 {
		q.addRunning(1)
	}
	return parts
}

// roomFor is the most samples of a job with its own probe in a batch. With a probe for each sample, a message to
// workers has three values for each pixel, where MaxBatch counts on two.
func (q *queue) roomFor(j *job) int {
	if j.request.Probe.Count(q.size) > 1 {
		return max(1, q.batch*2/3)
	}
	return q.batch
}

// compute runs the network on a batch, as long as any of its jobs is not cancelled.
func (q *queue) compute(parts []part) (provider string, err error) {
	start := time.Now()
	ctx, cancel := whileAnyWaits(parts)
	defer cancel()
	batch := make([]predict.Request, len(parts))
	for i, p := range parts {
		batch[i] = p.request.Part(p.first, p.first+p.count, q.size)
	}
	if provider, err = q.network.Compute(ctx, q.model, batch); err == nil {
		q.metrics.computed(predict.Values(batch)/q.size, time.Since(start))
	}
	return provider, err
}

// whileAnyWaits returns a context that is done when all jobs of a batch are cancelled.
func whileAnyWaits(parts []part) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var left atomic.Int64
	left.Store(int64(len(parts)))
	stops := make([]func() bool, len(parts))
	for i, p := range parts {
		stops[i] = context.AfterFunc(p.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// finish records the result of a batch and wakes the jobs that are complete or have failed.
func (q *queue) finish(parts []part, provider string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shared = len(parts) > 1 || len(q.jobs) > 0 || q.running > 1
	q.addRunning(-1)
	for _, p := range parts {
		if p.err != nil { // another part of the job failed before
			continue
		}
		p.done += p.count
		if !slices.Contains(p.providers, provider) {
			p.providers = append(p.providers, provider)
		}
		if p.err = err; err != nil {
			q.drop(p.job) // with its other parts
		}
		if err != nil || p.done == p.samples {
			close(p.finished)
		}
	}
}
