// Package refine improves the object of a scan with a solver while the scan is measured. It works on blocks: some
// frames that lie together, new ones first. Each block is a small problem for package solve. It starts from the object
// so far, the network's where nothing is refined yet, and from the probe so far. Its object replaces what it covers.
//
// A [Live] holds the patterns on disk. In memory it has those of one block, the refined object, and a few bytes for
// each frame. What it shows depends on how frames arrived and on the machine's speed, so a last solution of the
// complete scan must not start from it.
package refine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/scratch"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
)

// Options configure a Live.
type Options struct {
	Probe   *ndarray.Complex64 // (N, N) or modes (K, N, N), at the start
	Empty   bool               // no network: the object starts as 1
	Threads int                // of the solver
	Dir     string             // for the file of the patterns
	Room    int64              // bytes of that file
	Seed    uint64
}

// Live refines an object while frames arrive. One goroutine calls Run; others may call the other methods meanwhile.
type Live struct {
	o     Options
	n     int // pixels of a pattern along a side
	store *scratch.Store
	news  chan struct{} // has an element after Add

	mu       sync.Mutex
	measured []bool // (N*N), pixels of the patterns that count; nil: all
	frames   []placed
	near     map[cell][]int // indices of frames
	canvas   *canvas
	probe    *ndarray.Complex64 // so far, of the power that the object belongs to
	power    float64            // that power; 0: not known before the first block
	version  int                // counts the blocks
	changed  frame.Box          // around what they have changed since Changed was called
	fresh    int                // frames without a visit
	cut      context.CancelFunc // interrupts a block without new frames; nil: there is none
}

// placed is a frame.
type placed struct {
	id     int64
	x, y   float64 // object pixels
	place  int     // of its pattern in the store
	visits int     // blocks that it was part of
}

// New returns a Live without frames.
func New(o Options) *Live {
	n := o.Probe.Shape[len(o.Probe.Shape)-1]
	l := &Live{
		o: o, n: n, store: scratch.New(o.Dir, n*n, o.Room), news: make(chan struct{}, 1),
		near: map[cell][]int{}, canvas: &canvas{},
	}
	l.Start(o.Probe)
	return l
}

// Start replaces the probe before the first frame. It is the one that the network's object belongs to.
func (l *Live) Start(probe *ndarray.Complex64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probe = probe.Clone()
	if !l.o.Empty {
		l.power = optics.Power(probe)
	}
}

// Add takes in a frame at (x, y), in object pixels. It copies the pattern (N, N). measured (N*N) are the pixels that
// count, the same for all frames; nil: all. It fails if the disk or the room is full.
func (l *Live) Add(id int64, x, y float64, pattern []float32, measured []bool) error {
	place, err := l.store.Put(pattern)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measured = measured
	at := cellOf(x, y, l.n)
	l.near[at] = append(l.near[at], len(l.frames))
	l.frames = append(l.frames, placed{id: id, x: x, y: y, place: place})
	if l.fresh++; l.fresh >= freshFrames && l.cut != nil {
		l.cut()
	}
	select {
	case l.news <- struct{}{}:
	default:
	}
	return nil
}

// Patterns are those of frames in the order of ids, and the pixels that count. They stay on disk, and can be read until
// Close.
func (l *Live) Patterns(ids []int64) (patterns solve.Patterns, measured []bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byID := make(map[int64]int, len(l.frames))
	for _, f := range l.frames {
		byID[f.id] = f.place
	}
	places := make([]int, len(ids))
	for i, id := range ids {
		place, known := byID[id]
		if !known {
			return nil, nil, fmt.Errorf("frame %d was not kept for the solver", id)
		}
		places[i] = place
	}
	return kept{l.store, l.n, places}, l.measured, nil
}

// kept are patterns of n x n pixels in a store.
type kept struct {
	store  *scratch.Store
	n      int
	places []int
}

func (k kept) Count() int { return len(k.places) }

func (k kept) Side() int { return k.n }

func (k kept) Read(id int, pattern []float32) error { return k.store.Read(k.places[id], pattern) }

// load reads patterns (M, N, N).
func (l *Live) load(places []int) (*ndarray.Float32, error) {
	size := l.n * l.n
	patterns := ndarray.New[float32](len(places), l.n, l.n)
	for i, place := range places {
		if err := l.store.Read(place, patterns.Data[i*size:][:size]); err != nil {
			return nil, err
		}
	}
	return patterns, nil
}

// Close frees the disk space, after Run.
func (l *Live) Close() error { return l.store.Close() }

// Version counts how often the refined object has changed.
func (l *Live) Version() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}

// Run refines until ctx is done. object cuts the network's object, 0 outside of all patches; it is not called
// with Options.Empty.
func (l *Live) Run(
	ctx context.Context, e engine.Engine, object func(frame.Box) *ndarray.Complex64,
) error {
	for {
		b, ok := l.next()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-l.news:
				continue
			}
		}
		if err := l.refine(ctx, e, b, object); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// interruptible returns the context of a block, which new frames end unless the block has some. Call done after it.
func (l *Live) interruptible(ctx context.Context, b block) (_ context.Context, done func()) {
	ctx, cut := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.visits > 0 {
		l.cut = cut
	}
	return ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cut = nil
		cut()
	}
}

// refine solves a block and takes its object over. If the block is interrupted, that is the object of its last complete
// pass.
func (l *Live) refine(
	ctx context.Context, e engine.Engine, b block, object func(frame.Box) *ndarray.Complex64,
) error {
	ctx, done := l.interruptible(ctx, b)
	defer done()
	p := solve.Problem{Measured: b.measured, X: b.x, Y: b.y}
	patterns, err := l.load(b.places)
	if err != nil {
		return err
	}
	p.Patterns = solve.Amplitudes{Float32: patterns}
	box := frame.Cover(b.x, b.y, l.n)
	p.Row, p.Col = box.Top, box.Left
	if !l.o.Empty {
		p.Object = object(box)
	}
	power := meanPower(patterns)
	p.Probe = l.begin(&p, box, power)
	options := b.options()
	options.Seed, options.Threads, options.Modes = l.o.Seed, l.o.Threads, modesOf(p.Probe)
	s, err := solve.Run(ctx, p, options, e, func(solve.Pass) {})
	var bad *badinput.Error
	switch {
	case s != nil:
		l.take(s, b, box)
	case ctx.Err() != nil: // before the end of its first pass
	case errors.As(err, &bad), errors.Is(err, solve.ErrDiverged):
		l.skip(b) // dark or useless frames: the object stays as it is
	default:
		return err
	}
	return nil
}

// skip counts a block without a result.
func (l *Live) skip(b block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.visit(b, nil)
}

// visit counts a block for its frames, and adds the light (N, N) of those that had none; nil: it adds none.
func (l *Live) visit(b block, light []float32) {
	for _, i := range b.members {
		f := &l.frames[i]
		if f.visits++; f.visits > 1 {
			continue
		}
		l.fresh--
		if light != nil {
			l.canvas.addLight(f.x, f.y, light, l.n)
		}
	}
}

// meanPower is the mean power of patterns (M, N, N).
func meanPower(patterns *ndarray.Float32) float64 {
	sum := 0.0
	for _, d := range patterns.Data {
		sum += float64(d) * float64(d)
	}
	return sum / float64(patterns.Shape[0])
}

// modesOf is the number of modes of a probe.
func modesOf(probe *ndarray.Complex64) int {
	return len(probe.Data) / (probe.Shape[len(probe.Shape)-1] * probe.Shape[len(probe.Shape)-1])
}

// begin puts what is refined into the problem's object, in the units of its solver, and returns the probe so far. The
// solver scales the probe to the mean power of the block's patterns, so the object is scaled inversely.
func (l *Live) begin(p *solve.Problem, box frame.Box, power float64) *ndarray.Complex64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.o.Empty && l.canvas.touches(box) {
		p.Object = ndarray.New[complex64](box.Height(), box.Width())
	}
	if p.Object == nil {
		return l.probe
	}
	l.canvas.show(p.Object, box, nil)
	if power > 0 {
		scale(p.Object, math.Sqrt(l.power/power))
	}
	return l.probe
}

func scale(a *ndarray.Complex64, factor float64) {
	for i := range a.Data {
		a.Data[i] *= complex(float32(factor), 0)
	}
}

// take takes over object and probe of a solved block.
func (l *Live) take(s *solve.Solution, b block, box frame.Box) {
	l.mu.Lock()
	defer l.mu.Unlock()
	power := optics.Power(s.Probe)
	if l.power == 0 {
		l.power = power
	}
	factor := math.Sqrt(power / l.power)
	scale(s.Object, factor)
	scale(s.Probe, 1/factor)
	l.probe = s.Probe
	l.canvas.cover(box)
	l.visit(b, lightOf(s.Probe))
	l.canvas.put(s, box)
	l.changed = l.changed.Union(box)
	l.version++
}

// lightOf is sum |P_k|^2 (N, N), in units of its largest value.
func lightOf(probe *ndarray.Complex64) []float32 {
	n := probe.Shape[len(probe.Shape)-1]
	light := make([]float32, n*n)
	most := float32(math.SmallestNonzeroFloat32)
	for i, v := range probe.Data {
		k := i % (n * n)
		light[k] += real(v)*real(v) + imag(v)*imag(v)
		most = max(most, light[k])
	}
	for k := range light {
		light[k] /= most
	}
	return light
}

// Show puts what is refined into a result of the network, and marks where that is.
func (l *Live) Show(r *reconstruct.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	height, width := r.Object.Shape[0], r.Object.Shape[1]
	r.Refined = ndarray.New[float32](height, width)
	l.canvas.show(r.Object, frame.Box{Top: r.Row, Left: r.Col, Bottom: r.Row + height, Right: r.Col + width}, r.Refined)
	if l.version > 0 {
		r.Probe = l.probe.Clone()
	}
}

// Look puts every step-th pixel that is refined into values (rows, cols), as stitch.Canvas.Look reads them. It marks it
// in refined, unless that is nil.
func (l *Live) Look(top, left, rows, cols, step int, values []complex64, refined []bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range rows * cols {
		row, col := top+i/cols*step, left+i%cols*step
		if !l.canvas.isRefined(row, col) {
			continue
		}
		values[i] = l.canvas.object[l.canvas.at(row, col)]
		if refined != nil {
			refined[i] = true
		}
	}
}

// Probe is the refined probe; nil: it is that of the options. Nobody may change it.
func (l *Live) Probe() *ndarray.Complex64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version == 0 {
		return nil
	}
	return l.probe
}

// Changed is the smallest box around what has changed since the last call; empty: nothing has.
func (l *Live) Changed() (b frame.Box) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, l.changed = l.changed, b
	return b
}
