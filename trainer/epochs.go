package trainer

import (
	"fmt"
	"strconv"

	"ptyx/internal/base/badinput"
)

// Epochs is a number of epochs, 0 or more, or AutoEpochs.
type Epochs int

// AutoEpochs stands for the number of epochs that follows from the size of the scans; see Request.Epochs.
const AutoEpochs Epochs = -1

// Training needs a number of steps for each scan that hardly depends on the size of the scan (docs/dev/decisions.md).
const (
	usualSteps = 1000 // from random weights
	shortSteps = 500  // from the weights of another model
	leastAuto  = 3
	mostAuto   = 60
)

// Epochs is Config.MaxEpochs, or, with AutoEpochs, the epochs in which training makes about 1000 steps for each scan,
// or 500 if it has Initial weights: 3 to 60.
func (r Request) Epochs() Epochs {
	c := r.Config
	if c.MaxEpochs != AutoEpochs {
		return c.MaxEpochs
	}
	patterns := 0
	for _, s := range r.Scans {
		patterns += s.M
	}
	if c.Patterns > 0 {
		patterns = min(patterns, c.Patterns)
	}
	training := int(float64(patterns) * (1 - c.ValFraction) * float64(max(1, c.Oversample)))
	if c.Grouping == Channels { // an epoch shows each pattern once, in samples of gridsize^2
		training /= max(1, c.Gridsize*c.Gridsize)
	}
	wanted, each := usualSteps, max(1, training/max(1, c.BatchSize)) // steps, and those of an epoch
	if r.Initial != nil {
		wanted = shortSteps
	}
	return Epochs(min(max(wanted*len(r.Scans)/each, leastAuto), mostAuto))
}

// String is the number, or auto.
func (e Epochs) String() string {
	if e == AutoEpochs {
		return "auto"
	}
	return strconv.Itoa(int(e))
}

// UnmarshalText reads a number, or auto, from a flag or a configuration file.
func (e *Epochs) UnmarshalText(text []byte) error {
	if string(text) == AutoEpochs.String() {
		*e = AutoEpochs
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 {
		return &badinput.Error{Found: fmt.Sprintf("%.40q", text), Expected: "auto, or a number of epochs, 0 or more"}
	}
	*e = Epochs(n)
	return nil
}

// MarshalYAML writes a number as one.
func (e Epochs) MarshalYAML() (any, error) {
	if e == AutoEpochs {
		return e.String(), nil
	}
	return int(e), nil
}
