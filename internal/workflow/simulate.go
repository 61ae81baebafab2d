package workflow

import (
	"fmt"

	"ptyx/internal/dataset"
	"ptyx/internal/destination"
	"ptyx/internal/simulate"
)

// Simulate makes a scan file. It returns a sentence that says what was written.
func Simulate(path string, o simulate.Options) (string, error) {
	if err := destination.File("--out", path); err != nil {
		return "", err
	}
	scan, err := simulate.Run(o)
	if err != nil {
		return "", err
	}
	if err := dataset.Write(path, scan); err != nil {
		return "", err
	}
	photons := 0.0
	for _, a := range scan.Patterns.Data {
		photons += float64(a) * float64(a)
	}
	count := scan.Patterns.Shape[0]
	return fmt.Sprintf("%s: %d patterns of %d x %d, %.3g photons each, object %d x %d", path, count,
		scan.Patterns.Shape[1], scan.Patterns.Shape[2], photons/float64(count), scan.Object.Shape[0], scan.Object.Shape[1]), nil
}
