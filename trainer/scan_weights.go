package trainer

import (
	"math"
	"slices"

	"ptyx/internal/physics/optics"
)

// leastEmptyLoss is the smallest loss of an empty object, relative to the largest of all scans, with which a scan
// counts: a scan without specimen would outweigh all others.
const leastEmptyLoss = 0.01

// weighScans sets the weights in the loss of the patterns of each scan, 1 on average over the patterns to train on. A
// scan counts by the part of the loss of its empty object that remains: else a bright scan, or one whose object changes
// its patterns much, would decide for all (docs/dev/decisions.md). Known truths count alike. The weights of a training
// that resumes, or that another machine runs, come with its state.
func (t *training) weighScans(config StepConfig) error {
	r, weights := t.request, t.state.ScanWeights.Data
	if len(weights) == 1 || config.Supervised || r.Resume != "" || r.shard {
		return nil
	}
	var losses []float64
	for scan := range weights {
		loss, err := t.emptyLoss(scan, config)
		if err != nil {
			return err
		}
		losses = append(losses, loss)
	}
	largest, sum := slices.Max(losses), 0.0
	if !(largest > 0) || math.IsInf(largest, 0) {
		return nil // the first step states a loss that is not finite
	}
	for i, loss := range losses {
		losses[i] = max(loss, leastEmptyLoss*largest)
	}
	for _, scan := range t.train.Scan {
		sum += 1 / losses[scan]
	}
	for i, loss := range losses {
		weights[i] = float32(float64(len(t.train.Scan)) / sum / loss)
	}
	return nil
}

// emptyLoss is the mean loss of patterns near the middle of a scan, if their object is empty. Such an object has the
// same pattern at each position.
func (t *training) emptyLoss(scan int, config StepConfig) (float64, error) {
	n := config.Net.N
	patterns, err := t.train.images(t.train.centralPlaces(scan, n), n) // (M, N, N)
	if err != nil {
		return 0, err
	}
	intensity, atPixel := t.state.emptyPattern(scan, n), config.Loss.atPixel(config)
	mask, scale, sum := t.train.masks[scan], 2*config.Net.InputScale, 0.0
	for i, d := range patterns.Data {
		q := i % len(intensity)
		weight := 1.0
		if mask != nil {
			weight = float64(mask[q])
		}
		measured := scale * float64(d)
		sum += weight * atPixel(intensity[q], measured*measured)
	}
	return sum / float64(len(patterns.Data)), nil
}

// emptyPattern is |F P|^2 of a scan's probe, N^2 values in units of the mean intensity of all scans.
func (s *State) emptyPattern(scan, n int) []float64 {
	wave, intensity := make([]complex128, n*n), make([]float64, n*n)
	for i := range wave {
		wave[i] = complex(float64(s.ProbeRe.Data[scan*n*n+i]), float64(s.ProbeIm.Data[scan*n*n+i]))
	}
	optics.NewPropagator(n).Intensity(wave, intensity)
	return intensity
}
