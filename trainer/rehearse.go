package trainer

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Rehearsal is what a training would be.
type Rehearsal struct {
	Patterns      int           // of all scans that are seen
	Samples       int           // groups of patterns that an epoch draws from
	Validation    int           // samples kept for the validation loss
	Batch         [4]int        // (B, C, N, N) of a step, all replicas together
	Replicas      int           // parts of a batch that run side by side
	Steps, Epochs int           // steps of an epoch; epochs that are left
	Parameters    int           //
	Prepared      time.Duration // it took: reading, calibrating the probe, compiling
	Step          time.Duration // median of those measured
	Validate      time.Duration // after each epoch
}

// Remaining is how long the steps would take.
func (r *Rehearsal) Remaining() time.Duration {
	return time.Duration(r.Epochs) * (time.Duration(r.Steps)*r.Step + r.Validate)
}

// rehearsed is how many steps are measured, after one that warms up.
const rehearsed = 5

// Rehearse prepares a training, makes a few steps of it, and writes nothing.
func Rehearse(ctx context.Context, r Request) (*Rehearsal, error) {
	start := time.Now()
	j, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer j.close()
	f := j.fitter
	next := j.state.Epoch + 1
	plan := f.plan(next)
	out := &Rehearsal{
		Patterns: len(j.train.X), Samples: len(j.train.Groups), Replicas: len(f.replicas), Steps: len(plan),
		Epochs: max(0, j.request.Config.MaxEpochs-j.state.Epoch), Parameters: j.net.ParameterCount(), Prepared: time.Since(start),
		Batch: [4]int{f.samples() * f.step.Config.Group / j.net.Channels, j.net.Channels, j.net.N, j.net.N}, // a group is patterns or channels
	}
	if j.val != nil {
		out.Validation = len(j.val.Groups)
	}
	feed := f.train.feed(plan, j.net.N)
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
		began := time.Now()
		if _, err := f.update(data, groups, f.rates(next, 0)); err != nil { // a rate of 0: nothing is learnt
			return nil, fmt.Errorf("trying a step: %w", err)
		}
		if i > 0 || len(plan) == 1 {
			times = append(times, time.Since(began))
		}
	}
	began := time.Now()
	if _, err := f.validate(); err != nil {
		return nil, fmt.Errorf("trying the validation: %w", err)
	}
	out.Validate = time.Since(began)
	slices.Sort(times)
	if len(times) > 0 {
		out.Step = times[len(times)/2]
	}
	return out, nil
}
