package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// Shards computes the shards of one training.
type Shards interface {
	// Compute returns the loss of a shard of a step at the given parameters, and then the gradients of all parameters,
	// one after the other. One goroutine calls it.
	Compute(step, shard int, parameters []float32) ([]float32, error)
	Close() error
}

// cachedTrainings is how many a worker keeps open: one for each of its tiles of a scan.
const cachedTrainings = 8

// trainings keeps the trainings whose shards a worker computed last. One goroutine uses it.
type trainings struct {
	open  func(ctx context.Context, plan []byte) (Shards, error)
	ready []*openTraining // the latest last

	fetched Digest // of the plan that was fetched last: one that cannot be opened is tried again
	plan    []byte
}

// openTraining is a training with the parameters that it had last.
type openTraining struct {
	plan       Digest
	shards     Shards
	digest     Digest // of the parameters
	parameters []float32
}

// get returns the training of a plan, and fetches the plan if it is not open.
func (ts *trainings) get(ctx context.Context, plan Digest, fetch func() ([]byte, error)) (*openTraining, error) {
	if i := slices.IndexFunc(ts.ready, func(t *openTraining) bool { return t.plan == plan }); i >= 0 {
		t := ts.ready[i]
		ts.ready = append(slices.Delete(ts.ready, i, i+1), t)
		return t, nil
	}
	if ts.open == nil {
		return nil, errors.New("this worker takes part in no training")
	}
	if ts.plan == nil || ts.fetched != plan {
		data, err := fetch()
		if err != nil {
			return nil, err
		}
		ts.fetched, ts.plan = plan, data
	}
	if len(ts.ready) == cachedTrainings {
		oldest := ts.ready[0]
		ts.ready = slices.Delete(ts.ready, 0, 1)
		if err := oldest.shards.Close(); err != nil {
			return nil, fmt.Errorf("closing a training: %w", err)
		}
	}
	shards, err := ts.open(ctx, ts.plan)
	if err != nil {
		return nil, err
	}
	t := &openTraining{plan: plan, shards: shards}
	ts.ready = append(ts.ready, t)
	return t, nil
}

func (ts *trainings) close() (err error) {
	for _, t := range ts.ready {
		err = errors.Join(err, t.shards.Close())
	}
	ts.ready = nil
	return err
}

func (t shardTask) place() (job Digest, batch int) { return t.Job, int(t.Shard) }

func (t shardTask) failed(reason string) result { return shardResult{task: t, reason: reason} }

func (t shardTask) results(s streams) results { return s.gradients() }

func (t shardTask) isResult(data []byte) bool {
	h, _, reason, err := decodeGradient(data)
	return err == nil && reason == "" && h.Step == t.Step && h.Shard == t.Shard
}

func (t shardTask) count(y *Tally) { y.Shards++ }

// compute computes the gradients of the shard.
func (t shardTask) compute(ctx context.Context, w *worker) (result, error) {
	training, err := w.trainings.get(ctx, t.Plan, func() ([]byte, error) { return w.fetchModel(ctx, t.Plan) })
	if err != nil {
		return nil, err
	}
	if training.parameters == nil || training.digest != t.ParametersDigest {
		if training.parameters, err = w.getParameters(ctx, t); err != nil {
			training.parameters = nil
			return nil, err
		}
		training.digest = t.ParametersDigest
	}
	values, err := training.shards.Compute(int(t.Step), int(t.Shard), training.parameters)
	return shardResult{task: t, values: values}, err
}

// getParameters fetches the parameters of a step.
func (s streams) getParameters(ctx context.Context, t shardTask) ([]float32, error) {
	parts := make([][]byte, t.Parts)
	for i := range parts {
		msg, err := s.steps.GetLastMsgForSubject(ctx, parametersSubject(t.Job.String(), i))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, fmt.Errorf("the broker has no parameters of step %d", t.Step)
		}
		if err != nil {
			return nil, err
		}
		parts[i] = msg.Data
	}
	return decodeParameters(parts, t.ParametersDigest)
}
