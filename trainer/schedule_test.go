package trainer

import (
	"math"
	"testing"

	"ptyx/internal/base/testutil"
)

// history has the given validation losses; NaN leaves the training loss, which only falls.
func history(val ...float64) []Epoch {
	var h []Epoch
	for i, v := range val {
		h = append(h, Epoch{Number: i + 1, TrainLoss: 1 / float64(i+1), ValLoss: v})
	}
	return h
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	flat := history(1, 2, 2, 2, 2, 2)                         // five epochs without improvement
	flatTwice := append(flat, flat[1:]...)                    // and five more
	better := append(history(1, 2, 2, 2, 2), history(0.5)...) // the fifth improves
	none := math.NaN()
	for _, c := range []struct {
		name     string
		schedule Schedule
		warmUp   float64
		at       float64 // of 10 epochs
		history  []Epoch
		want     float64
	}{
		{"constant, start", Constant, 0, 0, nil, 1},
		{"constant, end", Constant, 0, 10, nil, 1},
		{"constant, warming", Constant, 2, 0.5, nil, 0.25},
		{"constant, warm", Constant, 2, 2, nil, 1},
		{"cosine, start", Cosine, 0, 0, nil, 1},
		{"cosine, middle", Cosine, 0, 5, nil, 0.505},
		{"cosine, end", Cosine, 0, 10, nil, 0.01},
		{"cosine, warming", Cosine, 10, 5, nil, 0.2525},
		{"exponential, start", Exponential, 0, 0, nil, 1},
		{"exponential, middle", Exponential, 0, 5, nil, 0.1},
		{"exponential, end", Exponential, 0, 10, nil, 0.01},
		{"exponential, warming", Exponential, 10, 5, nil, 0.05},
		{"plateau, start", Plateau, 0, 0, nil, 1},
		{"plateau, improving", Plateau, 0, 5, history(5, 4, 3, 2, 1), 1},
		{"plateau, not yet", Plateau, 0, 5, history(1, 2, 2, 2, 2), 1},
		{"plateau, just in time", Plateau, 0, 6, better, 1},
		{"plateau", Plateau, 0, 6, flat, 0.5},
		{"plateau, twice", Plateau, 0, 10, flatTwice, 0.25},
		{"plateau, warming", Plateau, 12, 6, flat, 0.25},
		{"plateau, by the training loss", Plateau, 0, 6, history(none, none, none, none, none, none), 1},
	} {
		config := Config{Schedule: c.schedule, WarmUp: c.warmUp, MaxEpochs: 10}
		// The formulas are a few float64 operations.
		if got := config.factor(c.at, c.history); !testutil.Close(got, c.want, 1e-12, 0) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSchedulesNeverRise(t *testing.T) {
	t.Parallel()
	for _, s := range []Schedule{Constant, Cosine, Exponential} {
		c, last := Config{Schedule: s, MaxEpochs: 7}, 1.0
		for at := 0.0; at <= 7; at += 0.1 {
			f := c.factor(at, nil)
			if !(f <= last+1e-15 && f >= finalRate-1e-15) {
				t.Fatalf("%s at %g: %v after %v", s, at, f, last)
			}
			last = f
		}
	}
}
