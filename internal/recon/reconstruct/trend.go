package reconstruct

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/trend"
	"ptyx/stitch"
)

// Optics are the probe and the detector of a scan, without which patterns show no trend.
type Optics struct {
	Probe    *ndarray.Complex64 // (N, N), in the unit of the patterns
	Measured []bool             // (N*N), false where a pixel of the patterns does not count; nil: all do
}

const (
	// mostCompared is how many patterns, evenly along the scan, decide whether a trend helps.
	mostCompared = 32
	// workBytes is the memory of all Fitters together, about: no more goroutines work than have room in it.
	workBytes = 1 << 28
)

// trend is the trend of an object that consists of all patches. One pattern of each square of the scan is compared with
// the object, which gives a Local, and a Map puts these together. It is nil if no two patterns show it, or if it does
// not improve more than half of the patterns that are compared again.
func (f *PatchFile) trend(ctx context.Context, canvas *stitch.Canvas, o Optics) (*trend.Map, error) {
	if f.samples.fault != nil {
		return nil, f.samples.fault
	}
	frames := f.sampled()
	if len(frames) < 2 {
		return nil, nil
	}
	beam := trend.NewBeam(o.Probe)
	workers := make([]*comparer, min(runtime.GOMAXPROCS(0), len(frames), max(1, workBytes/trend.FitterBytes(f.n))))
	for i := range workers {
		workers[i] = f.newComparer(beam, canvas, o)
	}
	locals, frames, err := findLocals(ctx, workers, frames)
	if err != nil || len(locals) < 2 {
		return nil, err
	}
	factor, err := trend.NewMap(ctx, beam, canvas.Box(), locals)
	if err != nil {
		return nil, err
	}
	if helps, err := workers[0].helps(ctx, factor, frames); err != nil || !helps {
		return nil, err
	}
	return factor, nil
}

// comparer compares patterns with an object. It holds work space.
type comparer struct {
	*trend.Fitter
	beam    *trend.Beam
	file    *PatchFile
	canvas  *stitch.Canvas
	pattern []float32   // (N, N), of the frame that was read last
	object  []complex64 // (N, N), there
	covered []float32   // (N, N), there
}

func (f *PatchFile) newComparer(beam *trend.Beam, canvas *stitch.Canvas, o Optics) *comparer {
	return &comparer{
		Fitter: trend.NewFitter(beam, o.Probe, o.Measured), beam: beam, file: f, canvas: canvas,
		pattern: make([]float32, f.n*f.n), object: make([]complex64, f.n*f.n), covered: make([]float32, f.n*f.n),
	}
}

// read reads the pattern of a frame and the object there.
func (c *comparer) read(p sample) error {
	row, col := frame.Corner(p.X, p.Y, c.file.n)
	c.canvas.Look(row, col, c.file.n, c.file.n, 1, c.object, c.covered)
	return c.file.samples.patterns.Read(p.place, c.pattern)
}

// fit fits the Local of a frame. ok is also false where patches cover less of the light than leastCovered.
func (c *comparer) fit(p sample) (local trend.Local, ok bool, err error) {
	if err := c.read(p); err != nil {
		return local, false, err
	}
	if c.beam.Share(c.covered) < leastCovered {
		return local, false, nil
	}
	local, ok = c.Fit(p.X, p.Y, c.object, c.pattern)
	return local, ok, nil
}

// findLocals finds the Locals of frames, in their order. It leaves out frames whose pattern shows nothing.
func findLocals(
	ctx context.Context, workers []*comparer, frames []sample,
) (locals []trend.Local, fitted []sample, err error) {
	all, shown := make([]trend.Local, len(frames)), make([]bool, len(frames))
	g, ctx := errgroup.WithContext(ctx)
	for i, c := range workers {
		g.Go(func() (err error) {
			for at := i; at < len(frames) && err == nil && ctx.Err() == nil; at += len(workers) {
				all[at], shown[at], err = c.fit(frames[at])
			}
			if err == nil {
				err = ctx.Err()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for i, ok := range shown {
		if ok {
			locals, fitted = append(locals, all[i]), append(fitted, frames[i])
		}
	}
	return locals, fitted, nil
}

// helps reports whether the object explains more than half of the patterns better with a factor than without it.
func (c *comparer) helps(ctx context.Context, factor *trend.Map, frames []sample) (bool, error) {
	count, better := min(len(frames), mostCompared), 0
	for i := range count {
		p := frames[i*len(frames)/count]
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if err := c.read(p); err != nil {
			return false, err
		}
		before := c.Misfit(p.X, p.Y, c.object, c.pattern)
		multiply(c.object, factor, p.X, p.Y, c.file.n)
		if c.Misfit(p.X, p.Y, c.object, c.pattern) < before {
			better++
		}
	}
	return 2*better > count, nil
}

// multiply multiplies a patch (N, N) at a position with the factor of the object.
func multiply(patch []complex64, factor *trend.Map, x, y float64, n int) {
	row, col := frame.Corner(x, y, n)
	for i := range patch {
		patch[i] *= complex64(factor.At(row+i/n, col+i%n))
	}
}
