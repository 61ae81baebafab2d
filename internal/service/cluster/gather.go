package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
)

// GatherOptions say how a job is done.
type GatherOptions struct {
	InFlight int // batches that are put out and have no outcome yet, at most
	Timing   Timing
	Log      *slog.Logger
}

// Summary is how a job was done.
type Summary struct {
	Batches   int
	Found     int // outcomes that an earlier run had left
	Repeated  int // outcomes that came more than once
	Again     int // tasks that were lost and put out again
	Malformed int // messages that are no outcomes
}

// Gatherer does one job: it puts out tasks and stitches outcomes.
type Gatherer struct {
	*exchange
	job      *Job
	finished chan struct{}  // closed when each batch has its outcome
	free     chan []float32 // a place in flight each, with room for a batch; nil where it was never used
	queued   map[int]bool   // batches whose tasks an earlier run has left

	stitching sync.Mutex // held while an outcome is taken in
	patches   []complex64

	// The rest is used with the exchange locked.
	done      []bool            // batches whose patches are on the canvas
	left      int               // batches that are not
	patterns  map[int][]float32 // of those in flight
	providers map[string]bool
}

// Failure is what a worker says of a batch that it cannot compute.
type Failure struct {
	Batch int
	Text  string
}

func (f *Failure) Error() string {
	return fmt.Sprintf("batch %d cannot be computed: %s", f.Batch, f.Text)
}

// Gather does a job and returns its object. When ctx is done it returns that error and leaves everything at the broker, and so does a process that
// is killed: the same job, begun again, goes on. Otherwise nothing of the job stays there but its model.
func Gather(ctx context.Context, c *Connection, j *Job, o GatherOptions) (*reconstruct.Result, Summary, error) {
	if o.InFlight < 1 {
		return nil, Summary{}, &badinput.Error{Key: "--in-flight", Found: fmt.Sprint(o.InFlight), Expected: "1 or more"}
	}
	n := j.Batches()
	g := &Gatherer{
		exchange: newExchange(c, j.ID, map[Digest][]byte{j.Digest: j.Model}, o.Timing, o.Log), job: j,
		finished: make(chan struct{}), free: make(chan []float32, o.InFlight),
		patches: make([]complex64, j.Size(0)), done: make([]bool, n), left: n, patterns: map[int][]float32{}, providers: map[string]bool{},
	}
	g.arrive, g.summary.Batches = g.stitch, n
	for range o.InFlight {
		g.free <- nil
	}
	err := g.begin(ctx)
	if err == nil {
		err = g.work(ctx)
	}
	if ctx.Err() != nil {
		return nil, g.summary, ctx.Err()
	}
	g.tidy(ctx)
	if err != nil {
		return nil, g.summary, err
	}
	return j.Result(reconstruct.JoinProviders(g.providers)), g.summary, nil
}

// begin finds out what of the job is at the broker: first the tasks, then the outcomes, so that one that moves in between is seen.
func (g *Gatherer) begin(ctx context.Context) (err error) {
	if err := g.exchange.begin(ctx); err != nil {
		return err
	}
	if err := persist(ctx, g.timing, func(ctx context.Context) (err error) { g.queued, err = g.listed(ctx); return err }); err != nil {
		return fmt.Errorf("listing tasks: %w", err)
	}
	g.accept = g.takeEarlier
	if err := persist(ctx, g.timing, func(context.Context) error { return g.found(ctx) }); err != nil { // in its own time
		return fmt.Errorf("gathering what is there: %w", err)
	}
	g.accept = g.take
	return nil
}

// found takes in the outcomes that an earlier run has left.
func (g *Gatherer) found(ctx context.Context) error {
	for {
		info, err := g.consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 {
			g.note(func(s *Summary) { s.Found = len(g.done) - g.left })
			return nil
		}
		if err := g.gather(ctx); err != nil {
			return err
		}
	}
}

// take takes in an outcome, which stays at the broker until the job is done.
func (g *Gatherer) take(_ context.Context, msg jetstream.Msg) error {
	if err := g.takeIn(msg.Data()); err != nil {
		return err
	}
	_ = msg.Ack() // or it comes again, and is known
	return nil
}

// takeEarlier takes in an outcome of an earlier run, of whose failures nothing stays.
func (g *Gatherer) takeEarlier(ctx context.Context, msg jetstream.Msg) error {
	err := g.take(ctx, msg)
	if failure := (*Failure)(nil); errors.As(err, &failure) {
		if err = g.outcomes.Purge(ctx, jetstream.WithPurgeSubject(msg.Subject())); err == nil {
			_ = msg.Ack()
		}
	}
	return err
}

// work does what is left.
func (g *Gatherer) work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	inner, stop := context.WithCancel(ctx)
	defer stop()
	group.Go(func() error {
		defer stop()
		if err := g.feed(ctx); err != nil {
			return err
		}
		select {
		case <-g.finished:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	until := func(work func(context.Context) error) func() error {
		return func() error {
			if err := work(inner); inner.Err() == nil {
				return err
			}
			return ctx.Err() // nil when all is done
		}
	}
	group.Go(until(g.collect))
	group.Go(until(g.doubt))
	return group.Wait()
}

// feed reads all batches in order and puts out those that are neither done nor waiting, as there is a place in flight.
func (g *Gatherer) feed(ctx context.Context) error {
	reader, err := g.job.Reader()
	if err != nil {
		return err
	}
	defer reader.Close()
	for i := range g.job.Batches() {
		var patterns []float32
		select {
		case patterns = <-g.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		if patterns == nil {
			patterns = make([]float32, g.job.Size(0))
		}
		patterns = patterns[:g.job.Size(i)]
		if err := reader.Read(i, patterns); err != nil {
			return err
		}
		if !g.depart(i, patterns) {
			continue
		}
		if err := g.put(ctx, i, g.job.task(i, patterns).Encode()); err != nil {
			return err
		}
	}
	return reader.CheckLight()
}

// depart notes a batch that goes out, and tells whether its task has to be put out.
func (g *Gatherer) depart(i int, patterns []float32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done[i] {
		g.free <- patterns
		return false
	}
	g.patterns[i] = patterns
	g.waiting[i] = &flight{task: func() []byte { return g.job.task(i, patterns).Encode() }, looked: time.Now()}
	return !g.queued[i]
}

// stitch puts the patches of an outcome on the canvas, once.
func (g *Gatherer) stitch(o Outcome) error {
	g.stitching.Lock()
	defer g.stitching.Unlock()
	if o.Batch >= g.job.Batches() {
		return fmt.Errorf("%w: batch %d of %d", errMalformed, o.Batch, g.job.Batches())
	}
	if err := o.belongs(g.job.ID, g.job.shape(o.Batch)); err != nil {
		return err
	}
	if g.isDone(o.Batch) {
		g.note(func(s *Summary) { s.Repeated++ })
		return nil
	}
	if o.Failure != "" {
		return &Failure{Batch: o.Batch, Text: o.Failure}
	}
	patches := g.patches[:len(o.Amplitude)]
	predict.Polar(o.Amplitude, o.Phase, patches)
	if _, err := g.job.Add(o.Batch, patches); err != nil {
		return err
	}
	g.land(o)
	return nil
}

func (g *Gatherer) isDone(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done[i]
}

// land notes a batch that is done and makes its place free.
func (g *Gatherer) land(o Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.providers[o.Provider] = true
	g.done[o.Batch] = true
	g.alone = false
	if patterns, out := g.patterns[o.Batch]; out {
		delete(g.patterns, o.Batch)
		delete(g.waiting, o.Batch)
		g.free <- patterns
	}
	if g.left--; g.left == 0 {
		close(g.finished)
	}
}
