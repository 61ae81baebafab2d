package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ptyx/internal/ndarray"
	"ptyx/internal/reconstruct"
)

// job is the patterns of one request on their way through a network.
type job struct {
	ctx              context.Context
	patterns         []float32 // samples of C * N * N values
	amplitude, phase []float32 // the same; written by the queue's goroutine until finished is closed
	samples          int
	arrived          time.Time
	taken, done      int // samples
	err              error
	finished         chan struct{}
}

// part is samples of a job in a batch.
type part struct {
	*job
	first, count int
}

// queue is where jobs wait before a network, in order of arrival. One goroutine takes them in batches: a job larger than a batch is
// cut, and several small ones share one. Whoever has submitted a job and does not wait any longer takes it out again, so that
// nothing is computed for nobody.
type queue struct {
	predictor reconstruct.Predictor
	computing *sync.Mutex // held while a network runs
	metrics   modelMetrics
	size      int // values of a sample
	batch     int
	pad       bool // every batch is filled up to full size
	patience  time.Duration
	limit     int // samples that may wait

	mu      sync.Mutex
	jobs    []*job
	waiting int // samples of jobs that are not taken
	closed  bool
	crowded bool          // others came with, or during, the last batch: it pays to wait for them
	changed chan struct{} // a token: something was added, or the queue was closed
	ended   chan struct{}
	err     error // of closing batches; read after ended

	batches []reconstruct.Batch // prepared sizes, the latest last; of the goroutine alone
}

// keptSizes is how many sizes of batches stay prepared.
const keptSizes = 4

// newQueue starts a model's queue.
func newQueue(m Model, o Options, metrics modelMetrics, computing *sync.Mutex) *queue {
	q := &queue{
		predictor: m.Predictor, computing: computing, metrics: metrics, size: ndarray.Size(m.sampleShape()),
		batch: o.BatchSize, patience: o.BatchWait, limit: o.Queue,
		// A device prepares itself for each new size, which takes longer than computing a full batch; the CPU does not.
		pad:     m.Predictor.Provider() == "CUDAExecutionProvider",
		crowded: true, changed: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go q.work()
	return q
}

// submit has patterns (a whole number of samples) computed and returns amplitude and phase of the same size. It returns early with
// errFull, errClosing or ctx's error.
func (q *queue) submit(ctx context.Context, patterns []float32) (amplitude, phase []float32, err error) {
	j := &job{
		ctx: ctx, patterns: patterns, samples: len(patterns) / q.size, arrived: time.Now(), finished: make(chan struct{}),
		amplitude: make([]float32, len(patterns)), phase: make([]float32, len(patterns)),
	}
	if err := q.add(j); err != nil {
		return nil, nil, err
	}
	select {
	case <-j.finished:
		return j.amplitude, j.phase, j.err
	case <-ctx.Done():
		q.withdraw(j)
		return nil, nil, ctx.Err()
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
func (q *queue) wait() error {
	<-q.ended
	return q.err
}

// work computes batches until the queue is closed and empty.
func (q *queue) work() {
	defer close(q.ended)
	for q.due() {
		q.round()
	}
	for _, b := range q.batches {
		q.err = errors.Join(q.err, b.Close())
	}
}

// round computes one batch. Its parts are taken when it is this network's turn, not before: who goes away while another's
// network runs is not computed for, and who comes meanwhile shares the batch.
func (q *queue) round() {
	q.computing.Lock()
	defer q.computing.Unlock()
	if parts := q.take(); len(parts) > 0 {
		err := q.compute(parts)
		q.mu.Lock()
		q.crowded = len(parts) > 1 || len(q.jobs) > 0
		q.mu.Unlock()
		q.finish(parts, err)
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
	return parts
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

// compute runs the network on a batch and hands the results to the jobs, in this network's turn.
func (q *queue) compute(parts []part) error {
	samples := 0
	for _, p := range parts {
		samples += p.count
	}
	start := time.Now()
	b, err := q.prepared(samples)
	if err != nil {
		return err
	}
	at := 0
	into := b.Patterns().Data
	for _, p := range parts {
		at += copy(into[at:], p.patterns[p.first*q.size:(p.first+p.count)*q.size])
	}
	clear(into[at:])
	amplitude, phase, err := b.Run()
	if err != nil {
		return fmt.Errorf("running the network: %w", err)
	}
	at = 0
	for _, p := range parts {
		first, end := p.first*q.size, (p.first+p.count)*q.size
		copy(p.amplitude[first:end], amplitude.Data[at:])
		at += copy(p.phase[first:end], phase.Data[at:])
	}
	q.metrics.ran(samples, time.Since(start))
	return nil
}

// prepared is the network bound to arrays for so many samples.
func (q *queue) prepared(samples int) (reconstruct.Batch, error) {
	if q.pad {
		samples = q.batch
	}
	if i := slices.IndexFunc(q.batches, func(b reconstruct.Batch) bool { return b.Patterns().Shape[0] == samples }); i >= 0 {
		b := q.batches[i]
		q.batches = append(slices.Delete(q.batches, i, i+1), b)
		return b, nil
	}
	if len(q.batches) == keptSizes {
		oldest := q.batches[0]
		q.batches = slices.Delete(q.batches, 0, 1)
		if err := oldest.Close(); err != nil {
			return nil, fmt.Errorf("giving up a batch: %w", err)
		}
	}
	b, err := q.predictor.Prepare(samples)
	if err != nil {
		return nil, fmt.Errorf("preparing the network for %d samples: %w", samples, err)
	}
	if len(b.Patterns().Data) != samples*q.size {
		return nil, errors.Join(reconstruct.NotAPredictor(fmt.Sprintf("input %v", b.Patterns().Shape)), b.Close())
	}
	q.batches = append(q.batches, b)
	return b, nil
}

// finish tells the jobs whose last sample was computed, or that have failed.
func (q *queue) finish(parts []part, err error) {
	for _, p := range parts {
		p.done += p.count
		switch {
		case err != nil:
			q.withdraw(p.job) // its other parts
			p.err = err
			close(p.finished)
		case p.done == p.samples:
			close(p.finished)
		}
	}
}
