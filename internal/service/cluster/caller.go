package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
)

// CallOptions configure a Caller.
type CallOptions struct {
	Models   []Callable
	InFlight int // most batches that are with the workers at once
	Timing   Timing
	Log      *slog.Logger
}

// Callable is a model with the name by which batches request it.
type Callable struct {
	Name     string
	File     []byte
	Contract contract.Contract
}

// Caller lets workers compute batches that arrive one by one. They are the tasks of its own job, which has a random
// name. Nobody resumes that job, so the Caller removes a batch from the broker once it is computed or cancelled.
type Caller struct {
	*exchange
	inFlight int
	called   map[string]called
	stop     context.CancelFunc
	loops    sync.WaitGroup
	untidy   chan struct{} // holds a token when there are leftovers

	// The fields below are used with the exchange locked.
	calls     map[int]*call
	nextCall  int
	leftovers []leftover
}

// called is a model that the workers can compute.
type called struct {
	digest   Digest
	sample   shape
	maxBatch int // samples of a message
}

// call is a batch in Compute.
type call struct {
	number int
	task   Task // without the arrays of the batch
	batch  []predict.Request
	done   chan Outcome // has room for one
}

// Call starts a Caller. A fault of the broker is a *badinput.Error. The caller closes the Caller, then the connection.
func Call(ctx context.Context, c *Connection, o CallOptions) (*Caller, error) {
	if err := checkInFlight(o.InFlight); err != nil {
		return nil, err
	}
	caller := &Caller{
		inFlight: o.InFlight, called: map[string]called{}, untidy: make(chan struct{}, 1), calls: map[int]*call{},
	}
	files := map[Digest][]byte{}
	for _, m := range o.Models {
		most, err := c.maxSamples(m.Contract)
		if err != nil {
			return nil, err
		}
		digest, sample := Digest(sha256.Sum256(m.File)),
			shape{Samples: 1, Channels: m.Contract.Channels, N: m.Contract.N}
		files[digest] = m.File
		caller.called[m.Name] = called{digest: digest, sample: sample, maxBatch: most}
	}
	var job Digest
	_, _ = rand.Read(job[:]) // never fails
	caller.exchange = newExchange(c, job, files, o.Timing, o.Log)
	caller.handle, caller.receive = handleOutcomes(caller.handleOutcome), caller.receiveOutcome
	if err := caller.begin(ctx); err != nil {
		caller.cleanUp(ctx)
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	caller.stop = stop
	for _, loop := range []func(context.Context) error{
		caller.receiveAll, caller.resendLost, caller.renewModels, caller.removeLeftovers,
	} {
		caller.loops.Go(func() { caller.repeat(running, loop) })
	}
	return caller, nil
}

// Close removes everything of the Caller from the broker, if that answers. Nobody may be in Compute.
func (c *Caller) Close() error {
	c.stop()
	c.loops.Wait()
	c.cleanUp(context.Background())
	return nil
}

// MaxBatch is the most samples of a model that fit into a message.
func (c *Caller) MaxBatch(model string) int { return c.called[model].maxBatch }

// AtOnce is the most batches that are with the workers at the same time.
func (c *Caller) AtOnce() int { return c.inFlight }

// Ready returns nil while the broker is there, at once. It does not look for workers: they come and go.
func (c *Caller) Ready() error { return c.connection.ready() }

// Compute fills in the patches of a batch and names the provider that computed them. If the workers fail, the error is
// a *Failure. If ctx is done first, it returns ctx's error, and no worker will take the task.
func (c *Caller) Compute(ctx context.Context, model string, batch []predict.Request) (provider string, err error) {
	if err := c.checkSize(model, batch); err != nil {
		return "", err
	}
	k := c.newCall(model, batch)
	if err := c.send(ctx, k.number, k.encode()); err != nil {
		c.cancel(k)
		return "", cmp.Or(ctx.Err(), err)
	}
	select {
	case o := <-k.done:
		if o.Failure != "" {
			return "", &Failure{Batch: o.Batch, Text: o.Failure}
		}
		predict.Distribute(batch, o.First, o.Second, o.LogVariance)
		return o.Provider, nil
	case <-ctx.Done():
		c.cancel(k)
		return "", ctx.Err()
	}
}

// checkSize refuses a batch that is larger than a message because of its probe. MaxBatch leaves room for probes beside
// several samples, but a task of one sample with a probe is longer than its outcome.
func (c *Caller) checkSize(model string, batch []predict.Request) error {
	s, limit := c.shapeOf(model, batch), int(c.connection.nc.MaxPayload())
	probes := batch[0].Probe.Count(c.called[model].sample.values())
	size := taskSize(s, probes) + headerSize
	if probes == 0 || size <= limit {
		return nil
	}
	return &badinput.Error{
		Key:      contract.ProbeReInput,
		Found:    fmt.Sprintf("a message of %d bytes for %d patterns with a probe", size, s.Samples),
		Expected: fmt.Sprintf("at most %d, the broker's limit", limit), Remedy: "leave the probe out",
	}
}

func (c *Caller) shapeOf(model string, batch []predict.Request) shape {
	s := c.called[model].sample
	s.Samples = predict.Values(batch) / s.values()
	return s
}

// newCall registers a batch.
func (c *Caller) newCall(model string, batch []predict.Request) *call {
	m, s := c.called[model], c.shapeOf(model, batch)
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &call{
		number: c.nextCall,
		task: Task{
			Job: c.id, Model: m.digest, Batch: c.nextCall, shape: s, Variance: predict.NeedsVariance(batch),
		},
		batch: batch, done: make(chan Outcome, 1),
	}
	c.nextCall = (c.nextCall + 1) & math.MaxInt32 // the largest number in a message
	c.calls[k.number] = k
	c.waiting[k.number] = &sentTask{encode: k.encode, seen: time.Now()}
	return k
}

// encode returns the task with the arrays of all requests.
func (k *call) encode() []byte { return k.task.encode(k.batch) }

// cancel forgets a batch.
func (c *Caller) cancel(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[k.number] != nil {
		delete(c.calls, k.number)
		delete(c.waiting, k.number)
		c.cancelled = true
		c.discard(leftover{batch: k.number})
	}
}

// handleOutcome passes an outcome to its call. It may come twice, or after the call was cancelled.
func (c *Caller) handleOutcome(o Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.calls[o.Batch]
	if k == nil {
		c.summary.Repeated++
		return nil
	}
	if err := o.check(c.id, k.task.shape, k.task.Variance); err != nil {
		return err
	}
	delete(c.calls, o.Batch)
	delete(c.waiting, o.Batch)
	c.warnedNoWorkers = false
	k.done <- o
	return nil
}

// receiveOutcome handles a message and schedules its removal.
func (c *Caller) receiveOutcome(_ context.Context, msg jetstream.Msg) error {
	if err := c.decode(msg.Data()); err != nil {
		return err
	}
	_ = msg.Ack() // if it fails, the message comes again and is ignored
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("an outcome without its sequence number: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.discard(leftover{outcome: meta.Sequence.Stream})
	return nil
}
