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

	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
)

// GatherOptions configure Gather.
type GatherOptions struct {
	InFlight int // most batches that are sent and have no outcome yet
	Timing   Timing
	Log      *slog.Logger
}

// Summary counts what happened to the batches of a job.
type Summary struct {
	Batches   int
	Found     int // outcomes that an earlier run left
	Repeated  int // outcomes that came more than once
	Resent    int // tasks that were lost and sent again
	Malformed int // messages that are no outcomes
}

// gatherer does one job: it sends tasks and stitches outcomes.
type gatherer struct {
	*exchange
	job       *Job
	finished  chan struct{}  // closed when every batch has its outcome
	free      chan []float32 // arrays for the patterns of batches in flight; nil until first used
	earlier   map[int]bool   // batches whose tasks an earlier run left at the broker
	stitching sync.Mutex     // held while an outcome is handled
	patches   []complex64    // of that outcome

	// The fields below are used with the exchange locked.
	done      []bool            // batches whose patches are stitched
	left      int               // batches that are not
	patterns  map[int][]float32 // of batches in flight
	providers map[string]bool
}

// Failure is a worker's reason why it cannot compute a batch.
type Failure struct {
	Batch int
	Text  string
}

func (f *Failure) Error() string {
	return fmt.Sprintf("batch %d cannot be computed: %s", f.Batch, f.Text)
}

// Gather does a job and returns its object. If ctx is done, or the process is killed, everything stays at the broker
// and the same job resumes when it is started again. Otherwise only the job's model stays there.
func Gather(ctx context.Context, c *Connection, j *Job, o GatherOptions) (*reconstruct.Result, Summary, error) {
	defer j.Close()
	if err := checkInFlight(o.InFlight); err != nil {
		return nil, Summary{}, err
	}
	n := j.Batches()
	g := &gatherer{
		exchange: newExchange(c, j.ID, map[Digest][]byte{j.Digest: j.Model}, o.Timing, o.Log), job: j,
		finished: make(chan struct{}), free: make(chan []float32, o.InFlight), patches: make([]complex64, j.Size(0)),
		done: make([]bool, n), left: n, patterns: map[int][]float32{}, providers: map[string]bool{},
	}
	g.handle, g.summary.Batches = handleOutcomes(g.stitch), n
	for range o.InFlight {
		g.free <- nil
	}
	err := g.resume(ctx)
	if err == nil {
		err = g.work(ctx)
	}
	if ctx.Err() != nil {
		return nil, g.summary, ctx.Err()
	}
	g.cleanUp(ctx)
	if err != nil {
		return nil, g.summary, err
	}
	result, err := j.Finish(ctx, reconstruct.JoinProviders(g.providers))
	return result, g.summary, err
}

// resume finds what the broker has of the job: first the tasks, then the outcomes, so that it sees a batch that is
// computed in between.
func (g *gatherer) resume(ctx context.Context) error {
	if err := g.begin(ctx); err != nil {
		return err
	}
	list := func(ctx context.Context) (err error) { g.earlier, err = g.listTasks(ctx); return err }
	if err := g.retry(ctx, "listing tasks", list); err != nil {
		return err
	}
	g.receive = g.receiveEarlier
	receive := func(context.Context) error { return g.receiveStored(ctx) } // longer than one request
	if err := g.retry(ctx, "receiving earlier outcomes", receive); err != nil {
		return err
	}
	g.receive = g.receiveOutcome
	return nil
}

// receiveStored receives the outcomes that an earlier run left.
func (g *gatherer) receiveStored(ctx context.Context) error {
	for {
		info, err := g.consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 {
			g.count(func(s *Summary) { s.Found = len(g.done) - g.left })
			return nil
		}
		if err := g.receiveSome(ctx); err != nil {
			return err
		}
	}
}

// receiveOutcome handles a message. It stays at the broker until the job is done.
func (g *gatherer) receiveOutcome(_ context.Context, msg jetstream.Msg) error {
	if err := g.decode(msg.Data()); err != nil {
		return err
	}
	_ = msg.Ack() // if it fails, the message comes again and is recognized
	return nil
}

// receiveEarlier handles an outcome of an earlier run. It removes failures, so that their batches are tried again.
func (g *gatherer) receiveEarlier(ctx context.Context, msg jetstream.Msg) error {
	err := g.receiveOutcome(ctx, msg)
	if failure := (*Failure)(nil); errors.As(err, &failure) {
		if err = g.outcomes.Purge(ctx, jetstream.WithPurgeSubject(msg.Subject())); err == nil {
			_ = msg.Ack()
		}
	}
	return err
}

// work sends the remaining tasks and returns when all outcomes are stitched.
func (g *gatherer) work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	receiving, stop := context.WithCancel(ctx)
	defer stop()
	group.Go(func() error {
		defer stop()
		if err := g.sendAll(ctx); err != nil {
			return err
		}
		select {
		case <-g.finished:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	for _, loop := range []func(context.Context) error{g.receiveAll, g.resendLost} {
		group.Go(func() error {
			if err := loop(receiving); receiving.Err() == nil {
				return err
			}
			return ctx.Err() // nil if all is done
		})
	}
	return group.Wait()
}

// sendAll reads all batches in order and sends those that are neither done nor at the broker.
func (g *gatherer) sendAll(ctx context.Context) error {
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
		if !g.register(i, patterns) {
			continue
		}
		if err := g.send(ctx, i, g.job.task(i, patterns).Encode()); err != nil {
			return err
		}
	}
	return reader.CheckLight()
}

// register notes a batch in flight and reports whether its task must be sent.
func (g *gatherer) register(i int, patterns []float32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done[i] {
		g.free <- patterns
		return false
	}
	g.patterns[i] = patterns
	encode := func() []byte { return g.job.task(i, patterns).Encode() }
	g.waiting[i] = &sentTask{encode: encode, seen: time.Now()}
	return !g.earlier[i]
}

// stitch adds the patches of an outcome to the object, once.
func (g *gatherer) stitch(o Outcome) error {
	g.stitching.Lock()
	defer g.stitching.Unlock()
	if o.Batch >= g.job.Batches() {
		return fmt.Errorf("%w: batch %d of %d", errMalformed, o.Batch, g.job.Batches())
	}
	if err := o.check(g.job.ID, g.job.shape(o.Batch), g.job.Contract.Variance); err != nil {
		return err
	}
	if g.isDone(o.Batch) {
		g.count(func(s *Summary) { s.Repeated++ })
		return nil
	}
	if o.Failure != "" {
		return &Failure{Batch: o.Batch, Text: o.Failure}
	}
	patches := g.patches[:len(o.First)]
	predict.Complex(g.job.Contract, o.First, o.Second, patches)
	if _, err := g.job.Add(o.Batch, patches, o.LogVariance); err != nil {
		return err
	}
	g.complete(o)
	return nil
}

func (g *gatherer) isDone(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done[i]
}

// complete notes a stitched batch and frees its place in flight.
func (g *gatherer) complete(o Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.providers[o.Provider] = true
	g.done[o.Batch] = true
	g.warnedNoWorkers = false
	if patterns, sent := g.patterns[o.Batch]; sent {
		delete(g.patterns, o.Batch)
		delete(g.waiting, o.Batch)
		g.free <- patterns
	}
	if g.left--; g.left == 0 {
		close(g.finished)
	}
}
