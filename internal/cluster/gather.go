package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

	"ptyx/internal/badinput"
	"ptyx/internal/ndarray"
	"ptyx/internal/reconstruct"
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
	streams
	connection *Connection
	job        *Job
	options    GatherOptions
	run        string // tells the messages of this run from those of others
	consumer   jetstream.Consumer
	finished   chan struct{}  // closed when each batch has its outcome
	free       chan []float32 // a place in flight each, with room for a batch; nil where it was never used

	stitching sync.Mutex // held while an outcome is taken in
	patches   []complex64

	mu        sync.Mutex
	done      []bool // batches whose patches are on the canvas
	left      int    // batches that are not
	queued    map[int]bool
	waiting   map[int]*flight
	putOut    int // tasks, for their ids
	providers map[string]bool
	summary   Summary
	alone     bool // it was told that there is no worker
}

// flight is a batch that is put out.
type flight struct {
	patterns []float32
	looked   time.Time // when it was put out, or last found to be waiting
}

// pulled is how many outcomes are asked for at once.
const pulled = 8

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
	o.Timing = o.Timing.usual(o.Log)
	n := j.Batches()
	g := &Gatherer{
		connection: c, job: j, options: o, run: nuid.Next(), finished: make(chan struct{}), free: make(chan []float32, o.InFlight),
		patches: make([]complex64, j.Size(0)), done: make([]bool, n), left: n, waiting: map[int]*flight{}, providers: map[string]bool{},
		summary: Summary{Batches: n},
	}
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
	return j.Result(strings.Join(slices.Sorted(maps.Keys(g.providers)), ", ")), g.summary, nil
}

// begin finds out what of the job is at the broker: first the tasks, then the outcomes, so that one that moves in between is seen.
func (g *Gatherer) begin(ctx context.Context) (err error) {
	c := g.connection
	if g.streams, err = c.open(ctx); err != nil {
		return c.explain(err)
	}
	try := func(doing string, do func(ctx context.Context) error) {
		if err == nil {
			if err = persist(ctx, g.options.Timing, do); err != nil {
				err = fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
	try("storing the model", func(context.Context) error { return g.putModel(ctx, g.job.Digest, g.job.Model) }) // in its own time
	try("listing tasks", func(ctx context.Context) (err error) { g.queued, err = g.listed(ctx); return err })
	try("asking for outcomes", g.subscribe)
	try("gathering what is there", func(context.Context) error { return g.found(ctx) }) // likewise
	return err
}

// listed are the batches whose tasks wait or are in work.
func (g *Gatherer) listed(ctx context.Context) (map[int]bool, error) {
	prefix := taskPrefix + g.job.ID.String() + "."
	info, err := g.tasks.Info(ctx, jetstream.WithSubjectFilter(prefix+"*"))
	if err != nil {
		return nil, err
	}
	batches := map[int]bool{}
	for subject := range info.State.Subjects {
		if i, err := strconv.Atoi(strings.TrimPrefix(subject, prefix)); err == nil {
			batches[i] = true
		}
	}
	return batches, nil
}

// subscribe makes the consumer of the job's outcomes. The broker forgets it when nobody asks for some time.
func (g *Gatherer) subscribe(ctx context.Context) (err error) {
	g.consumer, err = g.outcomes.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "gatherer-" + g.run, FilterSubject: outcomePrefix + g.job.ID.String() + ".*",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 3 * g.options.Timing.AckWait, MaxAckPending: 4 * pulled, InactiveThreshold: time.Minute,
	})
	return err
}

// resubscribe is for a broker that has forgotten the consumer, or has an empty store.
func (g *Gatherer) resubscribe(ctx context.Context) error {
	if _, err := g.connection.open(ctx); err != nil {
		return err
	}
	if err := g.putModel(ctx, g.job.Digest, g.job.Model); err != nil {
		return err
	}
	return g.subscribe(ctx)
}

// found takes in the outcomes that an earlier run has left.
func (g *Gatherer) found(ctx context.Context) error {
	for {
		info, err := g.consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.summary.Found = len(g.done) - g.left
			return nil
		}
		if err := g.gather(ctx, true); err != nil {
			return err
		}
	}
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
	pass, err := g.job.Pass()
	if err != nil {
		return err
	}
	defer pass.Close()
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
		if err := pass.Read(i, patterns); err != nil {
			return err
		}
		if !g.depart(i, patterns) {
			continue
		}
		if err := g.put(ctx, i, g.job.task(i, patterns).Encode()); err != nil {
			return err
		}
	}
	return pass.Dark()
}

// depart notes a batch that goes out, and tells whether its task has to be put out.
func (g *Gatherer) depart(i int, patterns []float32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done[i] {
		g.free <- patterns
		return false
	}
	g.waiting[i] = &flight{patterns: patterns, looked: time.Now()}
	return !g.queued[i]
}

// put puts out a task.
func (g *Gatherer) put(ctx context.Context, i int, task []byte) error {
	g.mu.Lock()
	g.putOut++
	id := fmt.Sprintf("%s.%d", g.run, g.putOut)
	g.mu.Unlock()
	err := persist(ctx, g.options.Timing, func(ctx context.Context) error {
		_, err := g.js.Publish(ctx, taskSubject(g.job.ID.String(), i), task, jetstream.WithMsgID(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("putting out batch %d: %w", i, err)
	}
	return nil
}

// collect takes in outcomes as they come.
func (g *Gatherer) collect(ctx context.Context) error {
	for {
		switch err := g.gather(ctx, false); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case gone(err):
			if err := persist(ctx, g.options.Timing, func(context.Context) error { return g.resubscribe(ctx) }); err != nil {
				return fmt.Errorf("asking for outcomes: %w", err)
			}
		case passing(err):
			rest(ctx, g.options.Timing.Pause)
		default:
			return err
		}
	}
}

// gather takes in the outcomes of one request. Of an earlier run's failures nothing stays.
func (g *Gatherer) gather(ctx context.Context, earlier bool) error {
	return pull(ctx, g.consumer, pulled, g.options.Timing.Pull, func(msg jetstream.Msg) error {
		err := g.takeIn(msg.Data())
		failure := (*Failure)(nil)
		if earlier && errors.As(err, &failure) {
			err = g.outcomes.Purge(ctx, jetstream.WithPurgeSubject(msg.Subject()))
		}
		if err != nil {
			return err
		}
		_ = msg.Ack() // or it comes again, and is known
		return nil
	})
}

// takeIn puts the patches of an outcome on the canvas, once.
func (g *Gatherer) takeIn(data []byte) error {
	g.stitching.Lock()
	defer g.stitching.Unlock()
	o, err := DecodeOutcome(data)
	if err == nil {
		err = g.belongs(o)
	}
	if err != nil {
		g.options.Log.Warn("a message that is no outcome of this job is dropped", "error", err)
		g.note(func(s *Summary) { s.Malformed++ })
		return nil // the batch goes out again
	}
	if g.isDone(o.Batch) {
		g.note(func(s *Summary) { s.Repeated++ })
		return nil
	}
	if o.Failure != "" {
		return &Failure{Batch: o.Batch, Text: o.Failure}
	}
	patches := g.patches[:len(o.Amplitude)]
	reconstruct.Polar(o.Amplitude, o.Phase, patches)
	if _, err := g.job.Add(o.Batch, patches); err != nil {
		return err
	}
	g.arrive(o)
	return nil
}

// belongs refuses an outcome of something else.
func (g *Gatherer) belongs(o Outcome) error {
	if o.Job != g.job.ID || o.Batch >= g.job.Batches() {
		return fmt.Errorf("%w: batch %d of job %s", errMalformed, o.Batch, o.Job)
	}
	if want := g.job.shape(o.Batch); o.Failure == "" && !ndarray.SameShape(o.list(), want.list()) {
		return fmt.Errorf("%w: patches of shape %v, expected %v", errMalformed, o.list(), want.list())
	}
	return nil
}

func (g *Gatherer) note(change func(*Summary)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.summary)
}

func (g *Gatherer) isDone(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done[i]
}

// arrive notes a batch that is done and makes its place free.
func (g *Gatherer) arrive(o Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.providers[o.Provider] = true
	g.done[o.Batch] = true
	g.alone = false
	if f := g.waiting[o.Batch]; f != nil {
		delete(g.waiting, o.Batch)
		g.free <- f.patterns
	}
	if g.left--; g.left == 0 {
		close(g.finished)
	}
}

// tidy leaves nothing of the job at the broker.
func (g *Gatherer) tidy(ctx context.Context) {
	if g.tasks == nil || g.outcomes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	id := g.job.ID.String()
	err := errors.Join(
		persist(ctx, g.options.Timing, func(ctx context.Context) error {
			return g.tasks.Purge(ctx, jetstream.WithPurgeSubject(taskPrefix+id+".*"))
		}),
		persist(ctx, g.options.Timing, func(ctx context.Context) error {
			return g.outcomes.Purge(ctx, jetstream.WithPurgeSubject(outcomePrefix+id+".*"))
		}))
	if g.consumer != nil {
		err = errors.Join(err, g.outcomes.DeleteConsumer(ctx, "gatherer-"+g.run))
	}
	if err != nil {
		g.options.Log.Warn("the broker keeps what is left of the job until it is old", "job", id, "error", err)
	}
}
