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
	ctx              context.Context // done when nobody waits for the job any more
	patterns         []float32       // samples of C * N * N values
	amplitude, phase []float32       // the same; written while batches are computed, until finished is closed
	samples          int
	arrived          time.Time
	taken, done      int      // samples
	providers        []string // what has computed, each once
	err              error
	finished         chan struct{}
}

// part is samples of a job in a batch.
type part struct {
	*job
	first, count int
}

// patches are what becomes of the patterns of a job.
type patches struct {
	amplitude, phase []float32 // (M, C, N, N) each
	providers        []string  // what has computed them
}

// queue is where jobs wait before a network, in order of arrival. One goroutine takes them in batches and has each computed: a job larger than a
// batch is cut, and several small ones share one. Whoever has submitted a job and does not wait any longer takes it out again, so
// that nothing is computed for nobody.
type queue struct {
	network  Network
	model    string
	places   chan struct{} // one for each batch that the network computes at the same time, of all models
	metrics  modelMetrics
	size     int // values of a sample
	batch    int // samples
	patience time.Duration
	limit    int // samples that may wait

	mu      sync.Mutex
	jobs    []*job
	waiting int // samples of jobs that are not taken
	running int // batches
	closed  bool
	crowded bool          // others came with, or during, the last batch: it pays to wait for them
	changed chan struct{} // a token: something was added, a batch was computed, or the queue was closed
	ended   chan struct{}

	batches sync.WaitGroup // those that are computed
}

// newQueue starts a model's queue.
func newQueue(m Model, o Options, network Network, metrics modelMetrics, places chan struct{}) *queue {
	q := &queue{
		network: network, model: m.Name, places: places, metrics: metrics, size: ndarray.Size(m.sampleShape()),
		batch: o.BatchSize, patience: o.BatchWait, limit: o.Queue,
		crowded: true, changed: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if m.Most > 0 {
		q.batch = min(q.batch, m.Most)
	}
	go q.work()
	return q
}

// stride is how many samples of many are best submitted at once: a few batches, and enough to keep busy a network that computes several at the same time.
func (q *queue) stride() int { return min(max(4, q.network.AtOnce())*q.batch, q.limit) }

// submit has patterns (a whole number of samples) computed. It returns early with errFull, errClosing or ctx's error.
func (q *queue) submit(ctx context.Context, patterns []float32) (patches, error) {
	ctx, gone := context.WithCancel(ctx)
	defer gone()
	j := &job{
		ctx: ctx, patterns: patterns, samples: len(patterns) / q.size, arrived: time.Now(), finished: make(chan struct{}),
		amplitude: make([]float32, len(patterns)), phase: make([]float32, len(patterns)),
	}
	if err := q.add(j); err != nil {
		return patches{}, err
	}
	select {
	case <-j.finished:
		return patches{j.amplitude, j.phase, j.providers}, j.err
	case <-ctx.Done():
		q.withdraw(j)
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
	q.count(j.samples)
	q.wake()
	return nil
}

// withdraw takes out what of a job has not been taken.
func (q *queue) withdraw(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(j)
}

// drop is withdraw with the queue locked.
func (q *queue) drop(j *job) {
	if i := slices.Index(q.jobs, j); i >= 0 {
		q.jobs = slices.Delete(q.jobs, i, i+1)
		q.count(j.taken - j.samples)
	}
}

// count is called with the queue locked.
func (q *queue) count(samples int) {
	q.waiting += samples
	q.metrics.waiting.Set(float64(q.waiting))
}

func (q *queue) wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// close ends the queue when what waits has been computed.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

// wait returns when the queue has ended.
func (q *queue) wait() { <-q.ended }

// work has batches computed until the queue is closed and empty. The parts of one are taken when it has a place in the network, not
// before: who goes away while others' batches are computed is not computed for, and who comes meanwhile shares the batch.
func (q *queue) work() {
	defer close(q.ended)
	defer q.batches.Wait()
	for q.due() {
		q.places <- struct{}{}
		parts := q.take()
		if len(parts) == 0 {
			<-q.places
			continue
		}
		q.batches.Go(func() {
			provider, err := q.compute(parts)
			q.finish(parts, provider, err)
			<-q.places
			q.wake()
		})
	}
}

// due waits until a batch is due: until one is full, or its first job has waited long enough, which a client that is alone need not. It
// reports false when the queue has ended.
func (q *queue) due() bool {
	for {
		now, delay, ended := q.look()
		if now || ended {
			return now
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

// look says whether a batch is due. Otherwise it says how long to wait for it; 0: until something comes.
func (q *queue) look() (due bool, delay time.Duration, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropGone()
	if len(q.jobs) == 0 {
		return false, 0, q.closed
	}
	if q.running == q.network.AtOnce() {
		return false, 0, false
	}
	if left := q.patience - time.Since(q.jobs[0].arrived); q.crowded && q.waiting < q.batch && left > 0 && !q.closed {
		return false, left, false
	}
	return true, 0, false
}

// take takes what waits, a batch at most. It is empty if everybody has gone.
func (q *queue) take() (parts []part) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropGone()
	room := q.batch
	for room > 0 && len(q.jobs) > 0 {
		j := q.jobs[0]
		n := min(room, j.samples-j.taken)
		parts = append(parts, part{job: j, first: j.taken, count: n})
		j.taken += n
		room -= n
		q.count(-n)
		if j.taken == j.samples {
			q.jobs = slices.Delete(q.jobs, 0, 1)
		}
	}
	if len(parts) > 0 {
		q.run(1)
	}
	return parts
}

// run is called with the queue locked, as batches begin and end.
func (q *queue) run(batches int) {
	q.running += batches
	q.metrics.inNetwork.Set(float64(q.running))
}

// dropGone drops the jobs that nobody waits for; their submitters find them gone.
func (q *queue) dropGone() {
	q.jobs = slices.DeleteFunc(q.jobs, func(j *job) bool {
		gone := j.ctx.Err() != nil
		if gone {
			q.count(j.taken - j.samples)
		}
		return gone
	})
}

// compute has a batch computed, for as long as somebody waits for it.
func (q *queue) compute(parts []part) (provider string, err error) {
	start := time.Now()
	ctx, end := whileWanted(parts)
	defer end()
	samples := 0
	batch := make([]predict.Request, len(parts))
	for i, p := range parts {
		first, after := p.first*q.size, (p.first+p.count)*q.size
		batch[i] = predict.Request{Patterns: p.patterns[first:after], Amplitude: p.amplitude[first:after], Phase: p.phase[first:after]}
		samples += p.count
	}
	if provider, err = q.network.Compute(ctx, q.model, batch); err == nil {
		q.metrics.ran(samples, time.Since(start))
	}
	return provider, err
}

// whileWanted is a context that is done when nobody waits for any of the parts any more.
func whileWanted(parts []part) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	left := int64(len(parts))
	stops := make([]func() bool, len(parts))
	for i, p := range parts {
		stops[i] = context.AfterFunc(p.ctx, func() {
			if atomic.AddInt64(&left, -1) == 0 {
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

// finish ends a batch: it tells the jobs whose last sample was computed, or that have failed, and whether others have come.
func (q *queue) finish(parts []part, provider string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.crowded = len(parts) > 1 || len(q.jobs) > 0 || q.running > 1
	q.run(-1)
	for _, p := range parts {
		if p.err != nil { // another part of the job has failed
			continue
		}
		p.done += p.count
		if !slices.Contains(p.providers, provider) {
			p.providers = append(p.providers, provider)
		}
		if p.err = err; err != nil {
			q.drop(p.job) // its other parts
		}
		if err != nil || p.done == p.samples {
			close(p.finished)
		}
	}
}
