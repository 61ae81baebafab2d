package reconstruct

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/scan/dataset"
	"ptyx/stitch"
)

// Options choose what of a scan is reconstructed.
type Options struct {
	Count     int    // groups drawn from the scan; 0: all
	Seed      uint64 // of the draw
	BatchSize int    // patterns handed to the network at once
}

// Result is a reconstructed object in the scan's own pixel frame.
type Result struct {
	Object   *ndarray.Complex64 // (H, W); 0 where nothing was seen
	Coverage *ndarray.Float32   // (H, W), sum of the probe weights
	Spread   *ndarray.Float32   // (H, W), how far overlapping patches disagree
	Row, Col int                // of Object[0, 0] in the scan's frame
	X, Y     []float64          // centres of the patterns used
	IDs      []int64            // their indices in the scan
	Provider string
	Patches  int
	Probe    *ndarray.Complex64 // (N, N), or modes (K, N, N), of the object's own making; |FFT2(probe * object)|^2 / N^2 is in photons
	Extra    []npz.Member       // further members of ObjectFile: what a solver has to say
}

// buffers is how many batches may be between two stages: one being filled, one waiting, one in work.
const buffers = 3

// samples is one batch on its way through the stages.
type samples struct {
	batch    int
	patterns *ndarray.Float32   // (B, C, N, N)
	patches  *ndarray.Complex64 // (B, C, N, N)
}

// Run reconstructs a scan. Reading, the network and stitching overlap; memory holds a few batches and the object.
func Run(ctx context.Context, p predict.Predictor, scan *dataset.Scan, c contract.Contract, opt Options) (*Result, error) {
	a, err := Assemble(scan, c, opt)
	if err != nil {
		return nil, err
	}
	pipe := &pipeline{Assembly: a, predictor: p}
	if err := pipe.run(ctx); err != nil {
		return nil, err
	}
	return a.Result(p.Provider()), nil
}

// Fits refuses a scan whose patterns have another size than the model's.
func Fits(scan *dataset.Scan, c contract.Contract) error {
	if scan.N == c.N {
		return nil
	}
	return &badinput.Error{File: scan.Path, Key: "diff3d", Found: fmt.Sprintf("patterns of %d x %d", scan.N, scan.N),
		Expected: fmt.Sprintf("%d x %d, for which the model was trained", c.N, c.N), Remedy: "use a model trained at this size, or crop or bin the patterns"}
}

// ofScan names the scan in a complaint about its positions.
func ofScan(err error, scan *dataset.Scan) error {
	var bad *badinput.Error
	if errors.As(err, &bad) && bad.File == "" && strings.Contains(bad.Key, "coords") {
		bad.File = scan.Path
	}
	return err
}

// grouping lists the samples: single patterns, or groups of neighbours for a network of several channels.
func grouping(scan *dataset.Scan, c contract.Contract, opt Options) ([][]int, error) {
	gridsize := 1
	if c.Channels > 1 {
		gridsize = c.Gridsize
	}
	groups, err := scan.Groups(dataset.Grouping{Gridsize: gridsize, Seed: opt.Seed})
	if err != nil {
		return nil, err
	}
	groups = dataset.Sample(groups, opt.Count, opt.Seed)
	if len(groups) == 0 {
		return nil, &badinput.Error{File: scan.Path, Found: "no pattern", Expected: "at least one"}
	}
	return groups, nil
}

// Weights is |P|^2, the share of the photons that saw each pixel of a patch; 0 outside the extent, where the network
// says nothing.
func Weights(c contract.Contract) *ndarray.Float32 {
	w := ndarray.New[float32](c.N, c.N)
	margin := 0
	if c.ObjectExtent == "centre" {
		margin = c.N / 4
	}
	for y := margin; y < c.N-margin; y++ {
		for x := margin; x < c.N-margin; x++ {
			p := c.Probe.Data[y*c.N+x]
			w.Data[y*c.N+x] = real(p)*real(p) + imag(p)*imag(p)
		}
	}
	return w
}

type pipeline struct {
	*Assembly
	predictor predict.Predictor
}

func (p *pipeline) run(ctx context.Context) error {
	free, loaded, predicted := make(chan *samples, buffers), make(chan *samples, 1), make(chan *samples, 1)
	for range buffers {
		free <- &samples{
			patterns: ndarray.New[float32](p.batch, p.Channels, p.N, p.N),
			patches:  ndarray.New[complex64](p.batch, p.Channels, p.N, p.N),
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(loaded); return p.load(ctx, free, loaded) })
	g.Go(func() error { defer close(predicted); return p.predict(ctx, loaded, predicted) })
	g.Go(func() error { return p.stitch(ctx, predicted, free) })
	return g.Wait()
}

// load fills batches with patterns.
func (p *pipeline) load(ctx context.Context, free <-chan *samples, loaded chan<- *samples) error {
	pass, err := p.Pass()
	if err != nil {
		return err
	}
	defer pass.Close()
	for i := range p.Batches() {
		s, ok := receive(ctx, free)
		if !ok {
			return ctx.Err()
		}
		s.batch = i
		if err := pass.Read(i, s.patterns.Data); err != nil {
			return err
		}
		if !send(ctx, loaded, s) {
			return ctx.Err()
		}
	}
	return pass.Dark()
}

// predict runs the network. The last batch may be shorter.
func (p *pipeline) predict(ctx context.Context, loaded <-chan *samples, predicted chan<- *samples) error {
	cache := predict.NewCache(p.predictor, 1)
	defer cache.Close()
	for s := range loaded {
		batch, err := cache.Batch([]int{p.Samples(s.batch), p.Channels, p.N, p.N})
		if err != nil {
			return err
		}
		copy(batch.Patterns().Data, s.patterns.Data[:p.Size(s.batch)])
		amplitude, phase, err := batch.Run()
		if err != nil {
			return fmt.Errorf("running the network: %w", err)
		}
		predict.Polar(amplitude.Data, phase.Data, s.patches.Data)
		if !send(ctx, predicted, s) {
			return ctx.Err()
		}
	}
	return nil
}

func (p *pipeline) stitch(ctx context.Context, predicted <-chan *samples, free chan<- *samples) error {
	for s := range predicted {
		repeated, err := p.Add(s.batch, s.patches.Data[:p.Size(s.batch)])
		if err == nil && repeated > 0 {
			err = fmt.Errorf("stitching batch %d: %w", s.batch, stitch.ErrDuplicate)
		}
		if err != nil {
			return err
		}
		if !send(ctx, free, s) {
			return ctx.Err()
		}
	}
	return nil
}

func receive[T any](ctx context.Context, c <-chan T) (T, bool) {
	var zero T
	select {
	case v, ok := <-c:
		return v, ok
	case <-ctx.Done():
		return zero, false
	}
}

func send[T any](ctx context.Context, c chan<- T, v T) bool {
	select {
	case c <- v:
		return true
	case <-ctx.Done():
		return false
	}
}
