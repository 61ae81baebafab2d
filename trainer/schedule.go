package trainer

import (
	"math"

	"ptyx/internal/base/choice"
)

// Schedule names the course of the learning rate over a training.
type Schedule string

// The schedules.
const (
	Constant    Schedule = "constant"
	Cosine      Schedule = "cosine"      // along half a cosine down to finalRate
	Exponential Schedule = "exponential" // by the same factor each epoch down to finalRate
	Plateau     Schedule = "plateau"     // halved whenever the loss has not improved for patience epochs
)

const (
	finalRate = 0.01 // of the first rate, at the end of a schedule
	patience  = 5    // epochs without improvement before Plateau halves the rate
)

// schedules is the table of schedules. A factor multiplies the learning rate; done, from 0 to 1, is the finished part
// of the training. The past enters only through the history, so that a resumed training continues as if never stopped.
// To add a schedule, add its name and its row.
func schedules() []scheduleRow {
	return []scheduleRow{
		{Constant, func(float64, []Epoch) float64 { return 1 }},
		{Cosine, func(done float64, _ []Epoch) float64 {
			return finalRate + (1-finalRate)*0.5*(1+math.Cos(math.Pi*done))
		}},
		{Exponential, func(done float64, _ []Epoch) float64 { return math.Pow(finalRate, done) }},
		{Plateau, func(_ float64, history []Epoch) float64 { return math.Pow(0.5, float64(plateaus(history))) }},
	}
}

type scheduleRow struct {
	name   Schedule
	factor func(done float64, history []Epoch) float64
}

// UnmarshalText reads a schedule from a flag or a configuration file.
func (s *Schedule) UnmarshalText(text []byte) error {
	var names []Schedule
	for _, row := range schedules() {
		names = append(names, row.name)
	}
	return choice.Set(s, text, names...)
}

// factor multiplies the learning rate at a point of the training, in epochs from 0 to MaxEpochs.
func (c Config) factor(at float64, history []Epoch) float64 {
	factor := 1.0
	if c.WarmUp > 0 {
		factor = min(1, at/c.WarmUp)
	}
	for _, row := range schedules() {
		if row.name == c.Schedule {
			factor *= row.factor(at/float64(c.MaxEpochs), history)
		}
	}
	return factor
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

// judged is the loss that epochs are compared by: the validation loss, or without validation the training loss.
func (e Epoch) judged() float64 {
	if math.IsNaN(e.ValLoss) {
		return e.TrainLoss
	}
	return e.ValLoss
}
