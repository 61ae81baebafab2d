package watch

import (
	"context"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
)

// Refiner improves the object with a solver: while frames arrive, and once more at the end. Run has a goroutine of its
// own; the other methods may be called meanwhile. The solver links Gorgonia, so it comes from outside of this package.
type Refiner interface {
	// Start gives the probe of the network, (N, N), before the first frame.
	Start(probe *ndarray.Complex64)
	// Run refines until ctx is done. object cuts the network's object, 0 outside of all patches.
	Run(ctx context.Context, object func(fr.Box) *ndarray.Complex64) error
	// Add takes in a frame of the object at (x, y), in object pixels, and copies its pattern (N, N). measured (N*N) are
	// the pixels that count; nil: all.
	Add(id int64, x, y float64, pattern []float32, measured []bool) error
	// Show puts what is refined into a result, and marks where that is.
	Show(r *reconstruct.Result)
	// Look puts pixels that are refined into values, as stitch.Canvas.Look reads them. It marks them in refined, unless
	// that is nil.
	Look(top, left, rows, cols, step int, values []complex64, refined []bool)
	// Probe is the refined probe, (N, N) or (K, N, N); nil: nothing is refined yet.
	Probe() *ndarray.Complex64
	// Changed is the smallest box around what has changed since the last call; empty: nothing has.
	Changed() fr.Box
	// Version counts how often the refined object has changed.
	Version() int
	// Finish solves the complete scan, after Run. It starts from r, the network's object, so that nothing depends on
	// how frames arrived. If ctx is done early, it returns what the solver has so far.
	Finish(ctx context.Context, r *reconstruct.Result) (*reconstruct.Result, error)
}

// refining is the work of a Refiner beside a watch.
type refining struct {
	Refiner
	stop   context.CancelFunc
	done   chan struct{} // is closed after Run
	lost   error         // why a frame was not kept; then the solver cannot finish
	missed int           // frames that were not kept
}

// startRefining starts the refiner, if there is one.
func (w *Watcher) startRefining(ctx context.Context) {
	if w.o.Refiner == nil {
		return
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.refining = &refining{Refiner: w.o.Refiner, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.refining.done)
		if err := w.o.Refiner.Run(running, w.object.canvas.Region); err != nil {
			w.o.Log.Warn("nothing is refined until the end of the scan", "error", err)
		}
	}()
}

// add takes in a frame of the object.
func (r *refining) add(w *Watcher, f frame, pattern []float32) {
	if r == nil {
		return
	}
	if r.lost == nil {
		if r.lost = r.Add(f.id, f.x, f.y, pattern, w.measured); r.lost != nil {
			w.o.Log.Warn("further frames are not refined, and no passes are made at the end: raise --keep-gb, or free "+
				"the disk of --output-dir", "error", r.lost)
		}
	}
	if r.lost != nil {
		r.missed++
	}
}

// unrefined counts the frames that the solver did not get.
func (r *refining) unrefined() int {
	if r == nil {
		return 0
	}
	return r.missed
}

// show puts what is refined into a result of the network.
func (r *refining) show(result *reconstruct.Result) {
	if r != nil {
		r.Show(result)
	}
}

// version counts the changes of the refined object.
func (r *refining) version() int {
	if r == nil {
		return 0
	}
	return r.Version()
}

// halt ends the refinement during the scan.
func (r *refining) halt() {
	if r != nil {
		r.stop()
		<-r.done
	}
}

// finish returns the object of the complete scan. If the solver fails, it is the one that was shown last.
func (r *refining) finish(ctx context.Context, w *Watcher, result *reconstruct.Result) *reconstruct.Result {
	if r == nil || result.Patches == 0 {
		return result
	}
	err := r.lost
	if err == nil {
		ctx, cancel := w.withinGrace(ctx)
		defer cancel()
		var solved *reconstruct.Result
		if solved, err = r.Finish(ctx, result); solved != nil {
			if err != nil {
				w.o.Log.Warn("the solver was stopped early", "error", err)
			}
			return solved
		}
		w.o.Log.Warn("the solver has no result, so the object is that of the scan's end", "error", err)
	}
	r.Show(result)
	return result
}
