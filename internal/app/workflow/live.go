package workflow

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/yaml.v3"

	"ptyx/internal/app/progress"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/report"
	"ptyx/internal/service/live"
	"ptyx/trainer"
)

// liveView shows pages about a running training. Its own goroutine makes them from copies, so that the training never
// waits and ends with the same bytes.
type liveView struct {
	progress.Reporter // also gets all reports
	options           TrainOptions
	server            *live.Server
	log               *slog.Logger

	jobs   chan liveJob
	idle   atomic.Bool // a page may be made
	worker sync.WaitGroup
	stop   context.CancelFunc
}

// liveJob is the state of a training to make a page of.
type liveJob struct {
	model    []byte
	contract contract.Contract
	history  []trainer.Epoch
}

const (
	liveShare    = 0.05 // share of the time that pages may take
	livePatterns = 256  // most patterns of a page
)

// startLive starts the server and logs its address.
func startLive(ctx context.Context, o TrainOptions, reporter progress.Reporter, log *slog.Logger) (*liveView, error) {
	server, err := live.Listen(ctx, o.Live, int(o.Config.MaxEpochs), log)
	if err != nil {
		return nil, err
	}
	log.Info("live view", "address", server.URL)
	ctx, stop := context.WithCancel(ctx)
	v := &liveView{
		Reporter: reporter, options: o, server: server, log: log, jobs: make(chan liveJob, 1), stop: stop,
	}
	v.idle.Store(true)
	v.worker.Go(func() { v.makePages(ctx) })
	return v, nil
}

// Batch reports the progress to browsers too.
func (v *liveView) Batch(epoch, batch, batches int, loss float64) {
	v.Reporter.Batch(epoch, batch, batches, loss)
	v.server.Update(live.Progress{Epoch: epoch, Batch: batch, Batches: batches, Loss: loss})
}

// afterEpoch hands the state of the training to the goroutine that makes pages, if a browser looks and it is idle.
func (v *liveView) afterEpoch(result func() (*trainer.Result, error)) error {
	if !v.server.Wanted() || !v.idle.Load() {
		return nil
	}
	job, err := newLiveJob(result)
	if err != nil { // no reason to end the training
		v.log.Warn("no page for the live view", "error", err)
		return nil
	}
	v.idle.Store(false)
	v.jobs <- job
	return nil
}

func newLiveJob(result func() (*trainer.Result, error)) (liveJob, error) {
	r, err := result()
	if err != nil {
		return liveJob{}, err
	}
	c, err := contract.Parse(r.Model)
	return liveJob{r.Model.Marshal(), c, slices.Clone(r.State.History)}, err
}

// makePages makes a page of every job. It logs a failure, and the training continues.
func (v *liveView) makePages(ctx context.Context) {
	for job := range v.jobs {
		if ctx.Err() != nil {
			continue
		}
		start := time.Now()
		page, err := v.makePage(ctx, job)
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			v.log.Warn("no page for the live view", "error", err)
		default:
			v.server.Publish(page)
		}
		// Wait until the time for this page is a small share of the whole.
		wait := time.Duration(float64(time.Since(start)) * (1/liveShare - 1))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			v.idle.Store(true)
		}
	}
}

func (v *liveView) makePage(ctx context.Context, job liveJob) ([]byte, error) {
	o := v.options
	config, err := yaml.Marshal(o)
	if err != nil {
		return nil, err
	}
	engine := o.Engine
	engine.Threads, engine.Profile = 1, ""
	return o.page(ctx, report.Source{
		Name: filepath.Base(filepath.Clean(o.OutputDir)), Model: job.model, Contract: job.contract,
		History: job.history, Config: string(config), Photons: o.Config.Photons,
		Count: livePatterns, Seed: o.Config.Seed,
	}, o.TrainFiles[0], engine, slog.New(slog.DiscardHandler))
}

// Close ends the view and the other reporter.
func (v *liveView) Close() {
	v.stop()
	close(v.jobs)
	v.worker.Wait()
	if err := v.server.Close(); err != nil {
		v.log.Warn("closing the live view", "error", err)
	}
	v.Reporter.Close()
}
