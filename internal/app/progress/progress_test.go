package progress

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ptyx/trainer"
)

// training reports two epochs of three batches, the second one with a validation loss.
func training(r Reporter) {
	for epoch := 1; epoch <= 2; epoch++ {
		for batch := 1; batch <= 3; batch++ {
			r.Batch(epoch, batch, 3, 0.5)
		}
		val := math.NaN()
		if epoch == 2 {
			val = 0.25
		}
		r.Epoch(trainer.Epoch{
			Number: epoch, TrainLoss: 1 / float64(epoch), ValLoss: val, Seconds: 2, PatternsPerSecond: 1234.56,
		})
	}
	r.Close()
}

const plain = "epoch 1/2  train 1.00000  1234.6 patterns/s\n" +
	"epoch 2/2  train 0.50000  val 0.25000  1234.6 patterns/s\n"

func TestPlainLinesElsewhereThanOnATerminal(t *testing.T) {
	var b bytes.Buffer
	training(New(&b, 2, false))
	if b.String() != plain {
		t.Errorf("wrote %q, want %q", b.String(), plain)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	training(New(file, 2, false))
	if data, err := os.ReadFile(file.Name()); err != nil || string(data) != plain {
		t.Errorf("a file holds %q (%v), want %q", data, err, plain)
	}
}

func TestQuietSaysNothing(t *testing.T) {
	var b bytes.Buffer
	training(New(&b, 2, true))
	if b.Len() > 0 {
		t.Errorf("wrote %q", b.String())
	}
}

// TestBarEnds: a finished, an interrupted and a training without any batch all close their bar; none may hang.
func TestBarEnds(t *testing.T) {
	for name, report := range map[string]func(*bar){
		"finished":    func(b *bar) { training(b) },
		"interrupted": func(b *bar) { b.Batch(1, 1, 3, 0.5); b.Close() },
		"resumed":     func(b *bar) { b.Batch(2, 3, 3, 0.5); b.Close() },
		"not started": func(b *bar) { b.Close() },
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			report(newBar(io.Discard, 2))
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: the bar does not end", name)
		}
	}
}

// TestBarCountsTheWholeTraining, so that the remaining time is that of all epochs.
func TestBarCountsTheWholeTraining(t *testing.T) {
	b := newBar(io.Discard, 4)
	defer b.Close()
	for _, c := range []struct {
		epoch, batch int
		want         int64
	}{{1, 1, 1}, {1, 5, 5}, {2, 1, 6}, {4, 4, 19}} {
		b.Batch(c.epoch, c.batch, 5, 0.125)
		if got := b.bar.Current(); got != c.want {
			t.Errorf("epoch %d, batch %d: at %d, want %d of 20", c.epoch, c.batch, got, c.want)
		}
	}
	if got := b.status.Load(); got != "epoch 4/4  loss 0.12500 " {
		t.Errorf("shows %q", got)
	}
	b.Epoch(trainer.Epoch{Number: 4, TrainLoss: 0.5, ValLoss: 0.75})
	if got := b.status.Load(); got != "epoch 4/4  train 0.50000  val 0.75000 " {
		t.Errorf("shows %q", got)
	}
}
