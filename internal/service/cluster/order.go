package cluster

import (
	"bytes"
	"context"
)

// order is a task of any kind, as a worker carries it out. To add a kind, write its file and its row in decodeOrder.
type order interface {
	// place is the job and the number of the batch, which name the subjects of the task and of its result.
	place() (job Digest, batch int)
	// compute carries the task out. The error errObsolete says that nobody needs the result any more.
	compute(ctx context.Context, w *worker) (result, error)
	// failed is the result that states why no worker could carry the task out.
	failed(reason string) result
	// results is where its result is stored.
	results(s streams) results
	// isResult reports whether a stored message completes the task.
	isResult(data []byte) bool
	// count adds the finished task to a tally.
	count(t *Tally)
}

// result is what a worker stores for a task.
type result interface {
	// parts are the messages that hold the result. The last one makes it complete.
	parts(limit int) [][]byte
	// failure is why the task failed; empty: it did not.
	failure() string
}

// decodeOrder reads a task of any kind. Its errors wrap errMalformed.
func decodeOrder(data []byte) (order, error) {
	if bytes.HasPrefix(data, []byte(shardMagic)) {
		return decodeShardTask(data)
	}
	return DecodeTask(data)
}

func (t Task) place() (job Digest, batch int) { return t.Job, t.Batch }

// compute runs the network.
func (t Task) compute(ctx context.Context, w *worker) (result, error) {
	o := Outcome{Job: t.Job, Batch: t.Batch, shape: t.shape}
	err := w.runNetwork(ctx, t, &o)
	return o, err
}

func (t Task) failed(reason string) result {
	return Outcome{Job: t.Job, Batch: t.Batch, shape: t.shape, Failure: reason}
}

func (t Task) results(s streams) results { return s.outcomesOfJobs() }

func (t Task) isResult(data []byte) bool {
	o, err := DecodeOutcome(data)
	return err == nil && o.Failure == "" && o.shape == t.shape
}

func (t Task) count(y *Tally) {
	y.Batches++
	y.Patterns += t.Samples * t.Channels
}

func (o Outcome) parts(int) [][]byte { return [][]byte{o.Encode()} }

func (o Outcome) failure() string { return o.Failure }
