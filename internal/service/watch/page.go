package watch

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/viewer"
	"ptyx/stitch"
)

// Page shows the object of a watch in browsers, straight from memory. Make one with NewPage, set it as Options.Page,
// and serve its Viewer. It is read by requests while the watch runs.
type Page struct {
	*viewer.Viewer

	asked chan chan *reconstruct.Result // for the object so far; the watch answers

	mu     sync.Mutex
	canvas *stitch.Canvas      // nil: the watch has not started
	solver Refiner             // nil: the object is the network's alone
	final  *reconstruct.Result // of the solver's last passes; nil: they are not done
	probe  *ndarray.Complex64  // of the network
	status viewer.Status

	// Of the watch's goroutine:
	updated  time.Time // the status
	rated    time.Time // the rates
	arrived  int       // frames at that time
	computed int
	rates    viewer.Rates
}

// ErrNoObject says that there is no object to download.
var ErrNoObject = errors.New("there is no object to download: no frame was computed yet, or the scan has ended and " +
	"the object is in the output directory")

// NewPage returns the page of a watch whose network has a contract.
func NewPage(c contract.Contract) *Page {
	p := &Page{asked: make(chan chan *reconstruct.Result), status: viewer.Status{State: "waiting for frames"}}
	p.probe = c.Probe
	p.Viewer = viewer.New(p, c.N)
	return p
}

// Box is the object's place in the scan's frame.
func (p *Page) Box() (b fr.Box) {
	p.mu.Lock()
	canvas := p.canvas
	p.mu.Unlock()
	if canvas == nil {
		return b
	}
	return canvas.Box()
}

// Look reads pixels of the object: the solver's where it has refined it, else the network's.
func (p *Page) Look(
	top, left, rows, cols, step int, values []complex64, coverage []float32, refined []bool,
) {
	p.mu.Lock()
	canvas, solver, final := p.canvas, p.solver, p.final
	p.mu.Unlock()
	if canvas == nil {
		return
	}
	canvas.Look(top, left, rows, cols, step, values, coverage)
	switch {
	case final != nil:
		final.Look(top, left, rows, cols, step, values)
	case solver != nil:
		solver.Look(top, left, rows, cols, step, values, refined)
	}
}

// Probe is the solver's, if it has refined it, else the network's.
func (p *Page) Probe() *ndarray.Complex64 {
	p.mu.Lock()
	solver, final, probe := p.solver, p.final, p.probe
	p.mu.Unlock()
	switch {
	case final != nil && final.Probe != nil:
		return final.Probe
	case solver != nil && solver.Probe() != nil:
		return solver.Probe()
	}
	return probe
}

// Status is the state of the watch.
func (p *Page) Status() viewer.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Result is the object so far, as the watch saves it. It waits until the watch answers, or ctx is done.
func (p *Page) Result(ctx context.Context) (*reconstruct.Result, error) {
	answer := make(chan *reconstruct.Result, 1)
	select {
	case p.asked <- answer:
	case <-ctx.Done():
		return nil, ErrNoObject
	}
	if r := <-answer; r != nil {
		return r, nil
	}
	return nil, ErrNoObject
}

// setProbe predicts patterns with another probe of the network.
func (p *Page) setProbe(probe *ndarray.Complex64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probe = probe
}

// begin shows the object of a watch, and what a solver refines; nil: there is none.
func (p *Page) begin(canvas *stitch.Canvas, solver Refiner) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.canvas, p.solver = canvas, solver
}

// agreed shows the last object.
func (p *Page) agreed(canvas *stitch.Canvas) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.canvas = canvas
	p.mu.Unlock()
	p.Changed(canvas.Box())
}

// added shows a frame that was added to the object.
func (p *Page) added(f frame, pattern []float32, measured []bool) {
	if p == nil {
		return
	}
	p.Offer(viewer.Frame{ID: f.id, X: f.x, Y: f.y, Pattern: pattern, Measured: measured})
	p.Added(f.id, f.x, f.y)
}

const (
	updatePause = 200 * time.Millisecond // between two updates of the status
	ratePause   = time.Second            // that a rate is the mean of
)

// update takes in the counts of the watch, and sends the object to the requests that wait for it.
func (p *Page) update(w *Watcher) {
	if p == nil {
		return
	}
	p.answer(w)
	if w.refining != nil {
		if box := w.refining.Changed(); box.Height() > 0 {
			p.Changed(box)
		}
	}
	now := time.Now()
	if now.Sub(p.updated) < updatePause {
		return
	}
	p.updated = now
	t, arrived, missing := w.tally(), w.arrived(), w.gaps.String()
	if w.stream != nil {
		missing = w.stream.detector.missing(w.stream.finished)
	}
	if span := now.Sub(p.rated); span >= ratePause {
		p.rates.Arriving, p.rates.Computed = rate(arrived-p.arrived, span), rate(t.Frames-p.computed, span)
		p.rated, p.arrived, p.computed = now, arrived, t.Frames
	}
	p.rates.Waiting, p.rates.Lost = t.Waiting+t.Kept, t.Missing
	rates := p.rates
	status := viewer.Status{
		State: "measuring", Frames: t.Frames, PixelNM: w.pixelNM, Rates: &rates, Missing: missing, Facts: t.facts(),
	}
	if t.Frames == 0 {
		status.State = "waiting for frames"
	}
	p.setStatus(status)
}

func (p *Page) setStatus(s viewer.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = s
}

// answer sends the object so far to a request that waits for it.
func (p *Page) answer(w *Watcher) {
	select {
	case answer := <-p.asked:
		if w.object.version == 0 {
			answer <- nil
			return
		}
		r, complete := w.begin()
		go func() { // a download does not hold up frames
			complete()
			w.refining.show(r)
			answer <- r
		}()
	default:
	}
}

// finish shows that the solver makes its last passes.
func (p *Page) finish(w *Watcher) {
	if p == nil || w.refining == nil {
		return
	}
	p.updated = time.Time{}
	p.update(w)
	s := p.Status()
	s.State = "measured; the solver makes its last passes over the complete scan"
	p.setStatus(s)
}

// end shows why the watch has ended, and ends the streams.
func (p *Page) end(w *Watcher, ended End) {
	if p == nil {
		return
	}
	p.updated = time.Time{}
	p.update(w)
	s := p.Status()
	s.State, s.Facts = "ended", append(s.Facts, viewer.Fact{Name: "ended", Value: cmp.Or(string(ended), "by an error")})
	s.Rates = &viewer.Rates{Waiting: s.Rates.Waiting, Lost: s.Rates.Lost}
	p.setStatus(s)
	if w.refining != nil && w.last != nil {
		p.mu.Lock()
		p.final = w.last
		p.mu.Unlock()
		p.Changed(p.Box())
	}
	p.Close()
}

// arrived is how many frames have come.
func (w *Watcher) arrived() int {
	if w.stream != nil {
		return int(w.stream.detector.accepted.Load())
	}
	return len(w.object.placed) + len(w.object.pending) + len(w.waiting)
}
