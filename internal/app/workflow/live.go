package workflow

import (
	"bytes"
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
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/service/live"
	"ptyx/trainer"
)

// liveView makes pages about a training that runs and shows them. Its own goroutine makes them, of copies, so that the training
// waits for nothing and ends with the same bytes.
type liveView struct {
	progress.Reporter // the one that it stands in front of
	options           TrainOptions
	server            *live.Server
	log               *slog.Logger

	jobs  chan liveJob
	idle  atomic.Bool // a page may be made
	ended sync.WaitGroup
	stop  context.CancelFunc
}

// liveJob is a model to make a page of.
type liveJob struct {
	model    []byte
	contract contract.Contract
	history  []trainer.Epoch
}

// Pages may cost the training this share of the time, and show that many patterns at most.
const (
	liveShare    = 0.05
	livePatterns = 256
)

// startLive listens and logs where.
func startLive(ctx context.Context, o TrainOptions, reporter progress.Reporter, log *slog.Logger) (*liveView, error) {
	place, err := live.Place("--live", o.Live)
	if err != nil {
		return nil, err
	}
	server, err := live.Listen(ctx, "--live", place, o.Config.MaxEpochs)
	if err != nil {
		return nil, err
	}
	log.Info("live view", "address", server.URL)
	ctx, stop := context.WithCancel(ctx)
	v := &liveView{Reporter: reporter, options: o, server: server, log: log, jobs: make(chan liveJob, 1), stop: stop}
	v.idle.Store(true)
	v.ended.Add(1)
	go v.makePages(ctx)
	return v, nil
}

// Batch tells browsers where the training is.
func (v *liveView) Batch(epoch, batch, batches int, loss float64) {
	v.Reporter.Batch(epoch, batch, batches, loss)
	v.server.Update(live.Progress{Epoch: epoch, Batch: batch, Batches: batches, Loss: loss})
}

// after is called at the end of an epoch, with a way to have its result.
func (v *liveView) after(result func() (*trainer.Result, error)) error {
	if !v.server.Wanted() || !v.idle.Load() {
		return nil
	}
	job, err := liveJobOf(result)
	if err != nil { // a training does not end because it cannot be looked at
		v.log.Warn("no page for the live view", "error", err)
		return nil
	}
	v.idle.Store(false)
	v.jobs <- job
	return nil
}

func liveJobOf(result func() (*trainer.Result, error)) (liveJob, error) {
	r, err := result()
	if err != nil {
		return liveJob{}, err
	}
	c, err := contract.Parse(r.Model)
	return liveJob{r.Model.Marshal(), c, slices.Clone(r.State.History)}, err
}

// makePages makes a page of every job. A page that cannot be made is logged, and the training goes on.
func (v *liveView) makePages(ctx context.Context) {
	defer v.ended.Done()
	for job := range v.jobs {
		if ctx.Err() != nil {
			continue
		}
		start := time.Now()
		page, err := v.page(ctx, job)
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			v.log.Warn("no page for the live view", "error", err)
		default:
			v.server.Publish(page)
		}
		// The next page is begun only when what this one took is a small share of the whole.
		wait := time.Duration(float64(time.Since(start)) * (1/liveShare - 1))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			v.idle.Store(true)
		}
	}
}

func (v *liveView) page(ctx context.Context, job liveJob) ([]byte, error) {
	config, err := yaml.Marshal(v.options)
	if err != nil {
		return nil, err
	}
	source := report.Source{
		Name: filepath.Base(filepath.Clean(v.options.OutputDir)), Model: job.model, Contract: job.contract, History: job.history, Config: string(config),
		Photons: v.options.Config.Photons, Count: livePatterns, Seed: v.options.Config.Seed,
	}
	if source.Scan, err = openShown(v.options, v.options.TrainFiles[0], slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	defer source.Scan.Close()
	one := v.options.Engine
	one.Threads, one.Profile = 1, ""
	predictor, release, err := local.Open(one, job.model)
	if err != nil {
		return nil, err
	}
	source.Predictor = predictor
	page, err := report.Build(ctx, source)
	if err := errors.Join(err, predictor.Close(), release()); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Write(&b)
	return b.Bytes(), err
}

// Close ends the view, and the reporter behind it.
func (v *liveView) Close() {
	v.stop()
	close(v.jobs)
	v.ended.Wait()
	if err := v.server.Close(); err != nil {
		v.log.Warn("closing the live view", "error", err)
	}
	v.Reporter.Close()
}
