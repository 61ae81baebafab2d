package reconstruct

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/scan/dataset"
	"ptyx/stitch"
)

// Run reconstructs a scan. Reading, the network and stitching overlap; memory holds a few batches and the object. The
// patches wait on disk until they are turned to one phase, and some patterns until they show the object's trend.
func Run(
	ctx context.Context, p predict.Predictor, scan *dataset.Scan, c contract.Contract, opt Options,
) (*Result, error) {
	r, err := Predict(ctx, p, scan, c, opt)
	if err != nil {
		return nil, err
	}
	result, err := r.Finish(ctx, p.Provider())
	if err != nil {
		return nil, err
	}
	result.Fallback = p.Fallback()
	return result, nil
}

// Predict is the part of Run that needs the network. A caller that closes the predictor before Finish has its memory
// for that.
func Predict(
	ctx context.Context, p predict.Predictor, scan *dataset.Scan, c contract.Contract, opt Options,
) (*Reconstruction, error) {
	r, err := New(scan, c, opt)
	if err != nil {
		return nil, err
	}
	pipe := &pipeline{Reconstruction: r, predictor: p, workers: min(max(opt.Workers, 1), r.Batches())}
	if err := pipe.run(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Finish completes the object of all batches and closes r. provider names the device that computed the patches.
func (r *Reconstruction) Finish(ctx context.Context, provider string) (*Result, error) {
	defer r.Close()
	if err := r.checkSkipped(); err != nil {
		return nil, err
	}
	if err := r.Agree(ctx); err != nil {
		return nil, err
	}
	return r.Result(provider), nil
}

// buffers is the number of batches besides those that are being computed: one being filled, one waiting.
const buffers = 2

type pipeline struct {
	*Reconstruction
	predictor predict.Predictor
	workers   int // batches that are computed at the same time
}

// item is a batch on its way through the stages.
type item struct {
	batch    int
	patterns *ndarray.Float32   // (B, C, N, N)
	patches  *ndarray.Complex64 // (B, C, N, N)
	// logVariance is (B, C, N, N), nil if the network has no such output.
	logVariance []float32
}

func (p *pipeline) run(ctx context.Context) error {
	free, loaded, predicted := make(chan *item, buffers+p.workers), make(chan *item, 1), make(chan *item, p.workers)
	for range cap(free) {
		it := &item{
			patterns: ndarray.New[float32](p.batch, p.Channels, p.N, p.N),
			patches:  ndarray.New[complex64](p.batch, p.Channels, p.N, p.N),
		}
		if p.Contract.Variance {
			it.logVariance = make([]float32, len(it.patterns.Data))
		}
		free <- it
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(loaded); return p.load(ctx, free, loaded) })
	var running sync.WaitGroup
	running.Add(p.workers)
	for range p.workers {
		g.Go(func() error { defer running.Done(); return p.predict(ctx, loaded, predicted) })
	}
	g.Go(func() error { running.Wait(); close(predicted); return nil })
	g.Go(func() error { return p.stitch(ctx, predicted, free) })
	return g.Wait()
}

// load fills batches with patterns.
func (p *pipeline) load(ctx context.Context, free <-chan *item, loaded chan<- *item) error {
	reader, err := p.Reader()
	if err != nil {
		return err
	}
	defer reader.Close()
	for i := range p.Batches() {
		var it *item
		select {
		case it = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		it.batch = i
		if err := reader.Read(i, it.patterns.Data); err != nil {
			return err
		}
		if err := send(ctx, loaded, it); err != nil {
			return err
		}
	}
	return reader.CheckLight()
}

// predict runs the network on batches, as one of the workers. The last batch may be shorter.
func (p *pipeline) predict(ctx context.Context, loaded <-chan *item, predicted chan<- *item) (err error) {
	cache := predict.NewCache(p.predictor, 1)
	defer func() {
		if closeErr := cache.Close(); err == nil {
			err = closeErr
		}
	}()
	for it := range loaded {
		batch, err := cache.Batch([]int{p.Samples(it.batch), p.Channels, p.N, p.N})
		if err != nil {
			return err
		}
		copy(batch.Patterns().Data, it.patterns.Data)
		p.Offsets(it.batch, batch.Offsets())
		first, second, err := batch.Run()
		if err != nil {
			return fmt.Errorf("running the network: %w", err)
		}
		predict.Complex(p.Contract, first.Data, second.Data, it.patches.Data)
		if v := predict.LogVariance(batch); v != nil {
			copy(it.logVariance, v.Data)
		}
		if err := send(ctx, predicted, it); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) stitch(ctx context.Context, predicted <-chan *item, free chan<- *item) error {
	for it := range predicted {
		size := p.Size(it.batch)
		var logVariance []float32
		if it.logVariance != nil {
			logVariance = it.logVariance[:size]
		}
		repeated, err := p.Add(it.batch, it.patches.Data[:size], logVariance)
		if err == nil && repeated > 0 {
			err = fmt.Errorf("stitching batch %d: %w", it.batch, stitch.ErrDuplicate)
		}
		if err != nil {
			return err
		}
		if err := send(ctx, free, it); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, c chan<- *item, it *item) error {
	select {
	case c <- it:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
