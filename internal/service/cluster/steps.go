package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
)

// StepOptions configure Steps.
type StepOptions struct {
	Plan   []byte // says what to train on what; the workers' OpenTraining reads it
	Timing Timing
	Log    *slog.Logger
}

// Steps lets workers compute the gradients of a training, one step after the other. The shards of a step are the tasks
// of a job, which has a random name: a training that starts again repeats the steps after its last saved state. A shard
// depends on the plan, the step, its number and the parameters alone. So it does not matter who computes it, or how
// often.
type Steps struct {
	*exchange
	plan  Digest
	stop  context.CancelFunc
	loops sync.WaitGroup

	// The fields below are used with the exchange locked.
	step   int
	stored [][]byte        // the parameters of the step, in parts
	parts  [][][]float32   // of each shard
	done   chan stepResult // has room for all shards
}

// stepResult is what became of a shard.
type stepResult struct {
	shard  int
	values []float32
	reason string
}

// NewSteps starts the exchange. A fault of the broker is a *badinput.Error. The caller closes the Steps, then the
// connection.
func NewSteps(ctx context.Context, c *Connection, o StepOptions) (*Steps, error) {
	plan := Digest(sha256.Sum256(o.Plan))
	var job Digest
	_, _ = rand.Read(job[:]) // never fails
	s := &Steps{
		exchange: newExchange(c, job, map[Digest][]byte{plan: o.Plan}, o.Timing, o.Log), plan: plan,
	}
	s.exchange.results = func() results { return s.gradients() }
	s.handle, s.receive, s.restore = s.handlePart, s.receivePart, s.putParameters
	if err := s.begin(ctx); err != nil {
		s.cleanUp(ctx)
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	for _, loop := range []func(context.Context) error{s.receiveAll, s.resendLost, s.renewModels} {
		s.loops.Go(func() { s.repeat(running, loop) })
	}
	return s, nil
}

// Close removes everything of the training from the broker, if that answers. Nobody may be in Step.
func (s *Steps) Close() error {
	s.stop()
	s.loops.Wait()
	s.cleanUp(context.Background())
	return nil
}

// Step returns, for each shard of a step at the given parameters, its loss and then the gradients of all trained
// parameters. It waits for workers as long as ctx allows. An error says why no worker could compute a shard.
func (s *Steps) Step(ctx context.Context, step, shards int, parameters []float32) ([][]float32, error) {
	if shards > maxPending {
		return nil, &badinput.Error{
			Key: "--shards", Found: fmt.Sprint(shards), Expected: fmt.Sprintf("at most %d with --nats", maxPending),
		}
	}
	parts, digest := encodeParameters(parameters, s.connection.messageLimit())
	results := s.begun(step, shards, parts)
	defer s.ended()
	if err := s.retry(ctx, "storing the parameters", s.putParameters); err != nil {
		return nil, err
	}
	for shard := range shards {
		task := shardTask{
			Parts: uint16(len(parts)), Shard: uint32(shard), Step: uint64(step), Job: s.id, Plan: s.plan,
			ParametersDigest: digest,
		}.encode()
		s.wait(shard, task)
		if err := s.send(ctx, shard, task); err != nil {
			return nil, err
		}
	}
	values := make([][]float32, shards)
	for range shards {
		select {
		case r := <-results:
			if r.reason != "" {
				return nil, fmt.Errorf("shard %d of step %d cannot be computed: %s", r.shard, step+1, r.reason)
			}
			values[r.shard] = r.values
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return values, nil
}

// begun sets the present step.
func (s *Steps) begun(step, shards int, stored [][]byte) chan stepResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step, s.stored = step, stored
	s.parts = make([][][]float32, shards)
	s.done = make(chan stepResult, shards)
	return s.done
}

// wait notes that a shard has no result yet.
func (s *Steps) wait(shard int, task []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[shard] = &sentTask{encode: func() []byte { return task }, seen: time.Now()}
}

// ended forgets what is left of the step.
func (s *Steps) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.waiting)
}

// putParameters stores the parameters of the present step, in place of those of the last one.
func (s *Steps) putParameters(ctx context.Context) error {
	s.mu.Lock()
	stored := s.stored
	s.mu.Unlock()
	for i, part := range stored {
		if _, err := s.js.Publish(ctx, parametersSubject(s.id.String(), i), part); err != nil {
			return err
		}
	}
	return nil
}

// receivePart handles a message. The next step's replaces it at the broker.
func (s *Steps) receivePart(_ context.Context, msg jetstream.Msg) error {
	if err := s.decode(msg.Data()); err != nil {
		return err
	}
	_ = msg.Ack() // if it fails, the message comes again and is ignored
	return nil
}

// handlePart keeps a part of a result until the result is complete. It may come twice, or after its step.
func (s *Steps) handlePart(data []byte) error {
	h, values, reason, err := decodeGradient(data)
	if err != nil {
		return err
	}
	if h.Job != s.id {
		return fmt.Errorf("%w: it belongs to job %s", errMalformed, h.Job)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shard := int(h.Shard)
	if int(h.Step) != s.step || s.waiting[shard] == nil {
		s.summary.Repeated++
		return nil
	}
	if reason == "" {
		if len(s.parts[shard]) != int(h.Parts) {
			s.parts[shard] = make([][]float32, h.Parts)
		}
		s.parts[shard][h.Part] = values
		joined, complete := join(s.parts[shard])
		if !complete {
			return nil
		}
		values = joined
	}
	delete(s.waiting, shard)
	s.warnedNoWorkers = false
	s.done <- stepResult{shard, values, reason}
	return nil
}

// join joins the parts of a result if all are there.
func join(parts [][]float32) (values []float32, complete bool) {
	for _, p := range parts {
		if p == nil {
			return nil, false
		}
		values = append(values, p...)
	}
	return values, true
}
