// Package progress reports how a training advances: on a terminal by a bar with rate and remaining time, elsewhere by
// one plain line an epoch. Neither has colours. Its noun is the Reporter. It stands between trainer and workflow.
package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"ptyx/trainer"
)

// New chooses the form by the kind of w. epochs is the number of epochs to run. Call Close at the end.
func New(w io.Writer, epochs int, quiet bool) Reporter {
	if quiet {
		return &lines{io.Discard, epochs}
	}
	dumb := os.Getenv("TERM") == "dumb" // cannot draw over a line
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !dumb {
		return newBar(f, epochs)
	}
	return &lines{w, epochs}
}

// Reporter is a trainer.Progress that ends.
type Reporter interface {
	trainer.Progress
	Close()
}

// lines prints one line an epoch.
type lines struct {
	w      io.Writer
	epochs int
}

func (l *lines) Batch(int, int, int, float64) {}

func (l *lines) Epoch(e trainer.Epoch) {
	fmt.Fprintf(l.w, "epoch %d/%d  %s  %.1f patterns/s\n", e.Number, l.epochs, losses(e), e.PatternsPerSecond)
}

func (l *lines) Close() {}

func losses(e trainer.Epoch) string {
	s := fmt.Sprintf("train %.5f", e.TrainLoss)
	if !math.IsNaN(e.ValLoss) {
		s += fmt.Sprintf("  val %.5f", e.ValLoss)
	}
	return s
}

// bar counts batches over all epochs, so that the remaining time is that of the whole training.
type bar struct {
	epochs int
	pool   *mpb.Progress
	bar    *mpb.Bar
	status atomic.Value // string; the bar is drawn by another goroutine
}

func newBar(w io.Writer, epochs int) *bar {
	b := &bar{epochs: epochs, pool: mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))}
	b.status.Store("starting")
	return b
}

func (b *bar) Batch(epoch, batch, batches int, loss float64) {
	if b.bar == nil {
		b.bar = b.pool.AddBar(int64(batches*b.epochs),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.status.Load().(string) })),
			mpb.AppendDecorators(
				decor.AverageSpeed(0, " %.1f batches/s"),
				decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
	}
	b.status.Store(fmt.Sprintf("epoch %d/%d  loss %.5f ", epoch, b.epochs, loss))
	b.bar.SetCurrent(int64((epoch-1)*batches + batch))
}

func (b *bar) Epoch(e trainer.Epoch) {
	b.status.Store(fmt.Sprintf("epoch %d/%d  %s ", e.Number, b.epochs, losses(e)))
}

func (b *bar) Close() {
	if b.bar != nil && !b.bar.Completed() {
		b.bar.Abort(false)
	}
	b.pool.Wait()
}
