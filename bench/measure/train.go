package main

import (
	"context"
	"math"
	"time"

	"ptyx/export"
	"ptyx/trainer"
)

// trainingBatches is the number of batches in an epoch: enough that the work of an epoch's end hardly adds to a step.
const trainingBatches = 8

// train serves steps of a complete training: filling the batch, forward and backward pass, Adam.
func (j job) train() error {
	scan, model, c, env, err := j.open()
	if err != nil {
		return err
	}
	config := trainer.DefaultConfig()
	config.N, config.Gridsize, config.ValFraction, config.Probe = scan.N, 1, 0, trainer.ProbeFixed
	config.MaxEpochs, config.BatchSize, config.Patterns = math.MaxInt, j.batch, trainingBatches*j.batch
	config.LearningRate, config.Schedule, config.WarmUp, config.Threads = 1e-3, trainer.Constant, 0, j.threads
	config.ApplyNetwork(c)
	weights, err := export.Weights(model, config.NetworkConfig(c.InputScale))
	if err != nil {
		return err
	}
	turns := newTurns()
	start := time.Now()
	go func() {
		_, err := trainer.Train(context.Background(), trainer.Request{
			Config: config, Scans: []*trainer.Scan{scan}, Initial: weights,
			Engine: trainer.ONNXRuntime(env, j.session()), Progress: turns, Begin: turns.begin,
		})
		turns.ended <- err
	}()
	select {
	case <-turns.built:
	case err := <-turns.ended:
		return err
	}
	return serve(ready{BuildSeconds: time.Since(start).Seconds(), Patterns: j.batch}, turns.step)
}

// turns pauses a training after each step, until the peer asks for the next.
type turns struct {
	built, next, done chan struct{}
	ended             chan error
}

func newTurns() *turns {
	return &turns{built: make(chan struct{}), next: make(chan struct{}), done: make(chan struct{}),
		ended: make(chan error, 1)}
}

// begin reports that the training is ready, and waits for the first request.
func (t *turns) begin() error {
	close(t.built)
	<-t.next
	return nil
}

// Batch ends a step and waits for the next.
func (t *turns) Batch(int, int, int, float64) {
	t.done <- struct{}{}
	<-t.next
}

// Epoch does nothing: the time at the end of an epoch belongs to its last step.
func (*turns) Epoch(trainer.Epoch) {}

func (t *turns) step() (time.Duration, error) {
	start := time.Now()
	t.next <- struct{}{}
	select {
	case <-t.done:
		return time.Since(start), nil
	case err := <-t.ended:
		return 0, err
	}
}
