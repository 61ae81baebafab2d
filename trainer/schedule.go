package trainer

import (
	"fmt"
	"math"
)

// Schedule says how the learning rate goes during a training.
type Schedule string

// The schedules.
const (
	Constant    Schedule = "constant"
	Cosine      Schedule = "cosine"      // down to a hundredth at the end, along half a cosine
	Exponential Schedule = "exponential" // down to a hundredth at the end, by the same factor every epoch
	Plateau     Schedule = "plateau"     // halved whenever the loss has not improved for patience epochs
)

// UnmarshalText reads a schedule from a flag.
func (s *Schedule) UnmarshalText(text []byte) error {
	switch Schedule(text) {
	case Constant, Cosine, Exponential, Plateau:
		*s = Schedule(text)
		return nil
	}
	return fmt.Errorf("found %q, expected constant, cosine, exponential or plateau", text)
}

const (
	finalRate = 0.01 // of the first, where a schedule ends
	patience  = 5    // epochs without improvement that plateau bears
)

// factor is what the learning rate is multiplied with at a point of the training, counted in epochs from 0 to c.MaxEpochs.
// It depends on the past only through the history, so a resumed training goes on as if never stopped.
func (c Config) factor(at float64, history []Epoch) float64 {
	warm := 1.0
	if c.WarmUp > 0 {
		warm = min(1, at/c.WarmUp)
	}
	done := at / float64(c.MaxEpochs)
	switch c.Schedule {
	case Cosine:
		return warm * (finalRate + (1-finalRate)*0.5*(1+math.Cos(math.Pi*done)))
	case Exponential:
		return warm * math.Pow(finalRate, done)
	case Plateau:
		return warm * math.Pow(0.5, float64(plateaus(history)))
	}
	return warm
}

// plateaus counts the stretches of patience epochs in which the loss did not improve.
func plateaus(history []Epoch) int {
	count, since, best := 0, 0, math.Inf(1)
	for _, e := range history {
		if loss := e.judged(); loss < best {
			best, since = loss, 0
		} else if since++; since == patience {
			count, since = count+1, 0
		}
	}
	return count
}

// judged is the loss by which an epoch is judged: that of the validation, where there is one.
func (e Epoch) judged() float64 {
	if math.IsNaN(e.ValLoss) {
		return e.TrainLoss
	}
	return e.ValLoss
}
