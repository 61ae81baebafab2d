package watch

import (
	"context"
	"time"

	"ptyx/internal/recon/reconstruct"
)

// saving is the state of the object's files.
type saving struct {
	last    time.Time     // when the last attempt ended
	took    time.Duration // it
	failed  bool          // the last attempt failed, and that was logged
	version [2]int        // of the object that was saved last, and of what was refined in it
	job     chan attempt  // gets the attempt that another goroutine makes; nil: none does
}

// attempt is one writing of an object.
type attempt struct {
	result  *reconstruct.Result
	version [2]int
	start   time.Time
	err     error
}

// saveIfDue saves if the last attempt is long enough ago: saving may take at most a fifth of the time. The frames of a
// detector do not wait for it. A failure does not end the watch, because a disk may be full for a moment; the next time
// tries again.
func (w *Watcher) saveIfDue() {
	const share = 4
	w.collect(false)
	if w.saving.job != nil || w.o.Clock.Now().Sub(w.saving.last) < max(w.o.Every, share*w.saving.took) {
		return
	}
	w.startSaving()
	w.collect(w.stream == nil)
}

// startSaving lets another goroutine save the object of this moment, if it has changed.
func (w *Watcher) startSaving() {
	a := attempt{version: [2]int{w.object.version, w.refining.version()}, start: w.o.Clock.Now()}
	if a.version == w.saving.version {
		return
	}
	var complete func()
	a.result, complete = w.begin()
	job := make(chan attempt, 1)
	w.saving.job = job
	go func() {
		yieldProcessor()
		complete()
		w.refining.show(a.result)
		a.err = w.o.Save(a.result)
		job <- a
	}()
}

// collect takes in the attempt of the other goroutine, if it has ended or the caller waits for it.
func (w *Watcher) collect(wait bool) {
	if w.saving.job == nil {
		return
	}
	if !wait {
		select {
		case a := <-w.saving.job:
			w.conclude(a)
		default:
		}
		return
	}
	w.conclude(<-w.saving.job)
}

// conclude notes how an attempt ended. It logs the first of several failures.
func (w *Watcher) conclude(a attempt) {
	s := &w.saving
	s.job, s.last = nil, w.o.Clock.Now()
	s.took = s.last.Sub(a.start)
	if a.err != nil {
		if !s.failed {
			w.o.Log.Warn("the object cannot be saved; trying again", "error", a.err)
		}
		s.failed = true
		return
	}
	s.failed, s.version = false, a.version
	w.o.Log.Info("object updated", w.tally().attributes()...)
}

// saveLast saves the object at the end. It tries again for GiveUp, or for Grace once ctx is done.
func (w *Watcher) saveLast(ctx context.Context) error {
	w.collect(true)
	version := [2]int{w.object.version, w.refining.version()}
	if w.object.version == 0 {
		return nil
	}
	if w.refining == nil && version == w.saving.version {
		w.last = w.result()
		return nil
	}
	if w.refining != nil { // the solver takes a while
		w.startSaving()
		w.collect(true)
	}
	result := w.refining.finish(ctx, w, w.result())
	end := w.o.Clock.Now().Add(w.o.GiveUp)
	for {
		a := attempt{result: result, version: version, start: w.o.Clock.Now(), err: w.o.Save(result)}
		w.conclude(a)
		now := w.o.Clock.Now()
		if soon := now.Add(w.o.Grace); ctx.Err() != nil && soon.Before(end) {
			end = soon
		}
		if a.err == nil {
			w.last = result
			return nil
		}
		if !now.Before(end) {
			return a.err
		}
		w.o.Clock.Sleep(context.WithoutCancel(ctx), w.o.Interval)
	}
}

// agree turns the patches to one phase and adds the trend for the last object.
func (w *Watcher) agree(ctx context.Context) {
	if w.object.patches == nil || w.object.version == 0 {
		return
	}
	ctx, cancel := w.outliving(ctx)
	defer cancel()
	optics := reconstruct.Optics{Probe: w.o.Contract.Probe, Measured: w.measured}
	untrended, err := w.object.agree(ctx, optics)
	if err != nil {
		w.o.Log.Warn("the patches were not turned to one phase, so the last object is less good; if room is missing, "+
			"raise --keep-gb", "reason", err)
		return
	}
	if untrended != nil {
		w.o.Log.Warn("the last object has no trend, so it is less good; if room is missing, raise --keep-gb",
			"reason", untrended)
	}
	w.o.Page.agreed(w.object.canvas)
}

// outliving is ctx, but done only when the time for the last work is over.
func (w *Watcher) outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(w.o.Grace, cancel) })
	return last, func() { stop(); cancel() }
}

// withinGrace is ctx or, once it is done, a context for the last work.
func (w *Watcher) withinGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), w.o.Grace)
}

// begin fixes the network's object of this moment. It is valid after complete.
func (w *Watcher) begin() (r *reconstruct.Result, complete func()) {
	r, complete = w.object.result(w.o.Predictor.Provider(), w.o.Contract.Probe)
	r.Fallback = w.o.Predictor.Fallback()
	return r, complete
}

// result is the network's object so far.
func (w *Watcher) result() *reconstruct.Result {
	r, complete := w.begin()
	complete()
	return r
}
