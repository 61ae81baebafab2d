package trainer

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Rehearsal describes a training that has not run.
type Rehearsal struct {
	Patterns      int           // of all training scans
	Samples       int           // groups of patterns that an epoch draws from
	Validation    int           // samples kept for the validation loss
	Batch         [4]int        // (B, C, N, N) of a step, all replicas together
	Replicas      int           // parts of a batch that run side by side
	Steps, Epochs int           // steps of an epoch; epochs that are left
	Parameters    int           // of the network
	Prepared      time.Duration // time for reading, calibrating the probe and compiling
	Step          time.Duration // median of those measured
	Validate      time.Duration // after each epoch
}

// Remaining is the estimated time of the epochs that are left.
func (r *Rehearsal) Remaining() time.Duration {
	return time.Duration(r.Epochs) * (time.Duration(r.Steps)*r.Step + r.Validate)
}

// rehearsed is the number of steps that are timed, after one that warms up.
const rehearsed = 5

// Rehearse prepares a training, times a few steps at learning rate 0, and writes nothing.
func Rehearse(ctx context.Context, r Request) (*Rehearsal, error) {
	start := time.Now()
	t, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	f, net, next := t.fitter, t.net, t.state.Epoch+1
	plan := f.plan(next)
	batch := f.samples() * f.step.Config.Group / net.Channels // a group's patterns are samples or channels
	out := &Rehearsal{
		Patterns: len(t.train.X), Samples: len(t.train.Groups), Replicas: len(f.replicas), Steps: len(plan),
		Epochs: max(0, int(t.request.Config.MaxEpochs)-t.state.Epoch), Parameters: net.ParameterCount(),
		Prepared: time.Since(start), Batch: [4]int{batch, net.Channels, net.N, net.N},
	}
	if t.val != nil {
		out.Validation = len(t.val.Groups)
	}
	feed := f.train.feed(plan, net.N)
	defer feed.stop()
	var times []time.Duration
	for i := range min(len(plan), rehearsed+1) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, groups, err := feed.take()
		if err != nil {
			return nil, fmt.Errorf("trying a step: %w", err)
		}
		begin := time.Now()
		if _, err := f.update(data, groups, f.rates(next, 0)); err != nil {
			return nil, fmt.Errorf("trying a step: %w", err)
		}
		if i > 0 || len(plan) == 1 {
			times = append(times, time.Since(begin))
		}
	}
	begin := time.Now()
	if _, err := f.validate(); err != nil {
		return nil, fmt.Errorf("trying the validation: %w", err)
	}
	out.Validate = time.Since(begin)
	if slices.Sort(times); len(times) > 0 {
		out.Step = times[len(times)/2]
	}
	return out, nil
}
