package main

import (
	"context"
	"log/slog"
	"math"
	"time"

	"ptyx/export"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/trainer"
)

// trainingBatches is how many batches an epoch has: enough for what happens once an epoch not to count as a part of a step.
const trainingBatches = 8

// train serves steps of a whole training: filling the batch, forward and backward pass, Adam.
func (j job) train() error {
	scan, model, c, env, err := j.open()
	if err != nil {
		return err
	}
	config := trainer.Config{
		N: scan.N, Mode: trainer.Physics, Gridsize: 1, Grouping: trainer.Shared, Loss: trainer.Poisson.Loss(), MaxEpochs: math.MaxInt, BatchSize: j.batch,
		LearningRate: 1e-3, Schedule: trainer.Constant, Probe: trainer.ProbeFixed, ProbeRate: 1, Threads: j.threads,
		Patterns: trainingBatches * j.batch, Floor: trainer.DefaultFloor,
	}
	config.ApplyNetwork(c)
	weights, err := export.Weights(model, config.NetworkConfig(c.InputScale))
	if err != nil {
		return err
	}
	turns := newTurns()
	start := time.Now()
	go func() {
		_, err := trainer.Train(context.Background(), trainer.Request{
			Config: config, Scans: []*dataset.Scan{scan}, Initial: weights, Engine: engine.NewORT(env, j.session()), Progress: turns,
			Begin: turns.begin, Log: slog.New(slog.DiscardHandler),
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

// turns is the progress of a training that makes one step at a time: it stops the training in between.
type turns struct {
	built, next, done chan struct{}
	ended             chan error
}

func newTurns() *turns {
	return &turns{built: make(chan struct{}), next: make(chan struct{}), done: make(chan struct{}), ended: make(chan error, 1)}
}

// begin is called when all is ready.
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

// Epoch is a part of the step that it follows.
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
