package cluster

import (
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

// CallOptions say what is computed for whom.
type CallOptions struct {
	Models   []Callable
	InFlight int // batches that are with the workers at once, at most
	Timing   Timing
	Log      *slog.Logger
}

// Callable is a model, under the name by which it is asked for.
type Callable struct {
	Name     string
	File     []byte
	Contract contract.Contract
}

// Caller has workers compute batches that come one by one, for as long as it lives. They are tasks of a job of its own, with a random name: nobody
// goes on with it, so that of a batch nothing stays at the broker once it has its outcome, or is not waited for any more.
type Caller struct {
	*exchange
	inFlight int
	known    map[string]called
	stop     context.CancelFunc
	loops    sync.WaitGroup
	untidy   chan struct{} // a token: something is left at the broker

	// The rest is used with the exchange locked.
	calls     map[int]*call
	begun     int // calls, for their numbers
	leftovers []leftover
}

// called is a model that is known to the workers.
type called struct {
	digest Digest
	sample shape
	most   int // samples that a message takes
}

// call is a batch that is waited for.
type call struct {
	number int
	task   Task
	batch  []predict.Request
	done   chan Outcome // has room for it
}

// Call begins a Caller, which is to be closed. What is wrong with the broker is a *badinput.Error. The connection stays the caller's.
func Call(ctx context.Context, c *Connection, o CallOptions) (*Caller, error) {
	if o.InFlight < 1 || o.InFlight > mostPending {
		return nil, &badinput.Error{Key: "--in-flight", Found: fmt.Sprint(o.InFlight), Expected: fmt.Sprintf("1 to %d", mostPending)}
	}
	caller := &Caller{inFlight: o.InFlight, known: map[string]called{}, untidy: make(chan struct{}, 1), calls: map[int]*call{}}
	files := map[Digest][]byte{}
	for _, m := range o.Models {
		fits, err := c.fitting(m.Contract)
		if err != nil {
			return nil, err
		}
		digest := Digest(sha256.Sum256(m.File))
		files[digest] = m.File
		caller.known[m.Name] = called{digest: digest, sample: shape{Samples: 1, Channels: m.Contract.Channels, N: m.Contract.N}, most: fits}
	}
	var job Digest
	_, _ = rand.Read(job[:]) // never fails
	caller.exchange = newExchange(c, job, files, o.Timing, o.Log)
	caller.arrive, caller.accept = caller.handOver, caller.take
	if err := caller.begin(ctx); err != nil {
		caller.tidy(ctx)
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	caller.stop = stop
	for _, work := range []func(context.Context) error{caller.collect, caller.doubt, caller.renew, caller.sweep} {
		caller.loops.Go(func() { caller.always(running, work) })
	}
	return caller, nil
}

// always begins anew what has ended with an error, until ctx is done: whoever waits for a batch waits no longer than he likes.
func (c *Caller) always(ctx context.Context, work func(context.Context) error) {
	for ctx.Err() == nil {
		if err := work(ctx); ctx.Err() == nil {
			c.log.Error("working with the broker", "error", err)
			rest(ctx, c.timing.Pause)
		}
	}
}

// MaxBatch is how many samples a batch of a model may have.
func (c *Caller) MaxBatch(model string) int { return c.known[model].most }

// AtOnce is how many batches are with the workers at the same time, at most.
func (c *Caller) AtOnce() int { return c.inFlight }

// Ready is nil while the broker is there, and tells without waiting for it. Whether workers are is not looked at: they come and go.
func (c *Caller) Ready() error {
	return c.connection.up()
}

// Compute has a batch computed and fills its patches in. It names what has computed. Where workers cannot compute it, the error is a *Failure.
// When ctx is done it returns that error, and a task that no worker has taken goes away.
func (c *Caller) Compute(ctx context.Context, model string, batch []predict.Request) (provider string, err error) {
	k := c.depart(model, batch)
	if err := c.put(ctx, k.number, k.encoded()); err != nil {
		c.withdraw(k)
		return "", err
	}
	select {
	case o := <-k.done:
		return k.settle(o)
	case <-ctx.Done():
		c.withdraw(k)
		return "", ctx.Err()
	}
}

// depart notes a batch that goes out.
func (c *Caller) depart(model string, batch []predict.Request) *call {
	m := c.known[model]
	s := m.sample
	s.Samples = predict.Values(batch) / s.values()
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &call{number: c.begun, task: Task{Job: c.id, Model: m.digest, Batch: c.begun, shape: s}, batch: batch, done: make(chan Outcome, 1)}
	c.begun = (c.begun + 1) & math.MaxInt32 // what a message can say
	c.calls[k.number] = k
	c.waiting[k.number] = &flight{task: k.encoded, looked: time.Now()}
	return k
}

// encoded is the task, its patterns gathered from the pieces.
func (k *call) encoded() []byte {
	b := k.task.Encode() // without any
	for _, p := range k.batch {
		b = appendFloats(b, p.Patterns)
	}
	return b
}

// settle hands an outcome out to the pieces.
func (k *call) settle(o Outcome) (provider string, err error) {
	if o.Failure != "" {
		return "", &Failure{Batch: o.Batch, Text: o.Failure}
	}
	predict.Distribute(k.batch, o.Amplitude, o.Phase)
	return o.Provider, nil
}

// withdraw waits for a batch no more.
func (c *Caller) withdraw(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[k.number] != nil {
		delete(c.calls, k.number)
		delete(c.waiting, k.number)
		c.givenUp = true
		c.leave(leftover{batch: k.number})
	}
}

// handOver gives an outcome to who waits for it. It may come twice, or too late.
func (c *Caller) handOver(o Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.calls[o.Batch]
	if k == nil {
		c.summary.Repeated++
		return nil
	}
	if err := o.belongs(c.id, k.task.shape); err != nil {
		return err
	}
	delete(c.calls, o.Batch)
	delete(c.waiting, o.Batch)
	c.alone = false
	k.done <- o
	return nil
}

// take takes in an outcome, which does not stay at the broker.
func (c *Caller) take(_ context.Context, msg jetstream.Msg) error {
	if err := c.takeIn(msg.Data()); err != nil {
		return err
	}
	_ = msg.Ack() // or it comes again, and nobody waits for it
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("an outcome without its place: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(leftover{outcome: meta.Sequence.Stream})
	return nil
}
