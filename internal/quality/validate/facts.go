package validate

import (
	"math"
	"slices"

	"ptyx/internal/scan/dataset"
)

// Facts are what was measured of a scan, whether something is wrong or not. What could not be measured is absent.
type Facts struct {
	Patterns     int           `json:"patterns"`
	Size         int           `json:"size_pixels"` // N
	Input        string        `json:"input"`       // amplitude or intensity, as taken
	Layout       string        `json:"layout"`
	Photons      *float64      `json:"photons_per_pattern,omitempty"` // mean sum of intensities, in the file's unit
	X            [2]float64    `json:"x_pixels"`                      // least and largest
	Y            [2]float64    `json:"y_pixels"`
	Step         *float64      `json:"nearest_neighbour_pixels,omitempty"` // median distance
	Probe        *float64      `json:"probe_diameter_pixels,omitempty"`
	Overlap      *float64      `json:"overlap,omitempty"`              // linear: 1 - step / diameter
	FarField     *float64      `json:"far_field_likeness,omitempty"`   // of the probe's far field to the mean pattern, 0 to 1
	Calibrated   *float64      `json:"calibrated_agreement,omitempty"` // complex correlation of the probe as given with the one fitted to the patterns
	Tried        int           `json:"patterns_tried,omitempty"`       // on which the orientations were tried
	Orientations []Orientation `json:"orientations,omitempty"`         // best first
	Shuffled     *float64      `json:"shuffled_residual,omitempty"`    // with positions in a random order: no better than chance
}

// newFacts are those that need no look at the rest.
func newFacts(scan *dataset.Scan, s *survey) *Facts {
	f := &Facts{
		Patterns: scan.M, Size: scan.N, Input: scan.Input.String(), Layout: scan.Layout().String(),
		X: extent(scan.X), Y: extent(scan.Y), Photons: finite(s.power / float64(s.frames)),
	}
	if scan.M > 1 {
		f.Step = finite(median(nearestDistances(scan.X, scan.Y)))
	}
	if scan.Probe != nil {
		f.Probe = finite(diameter(scan.Probe))
		if f.Step != nil {
			f.Overlap = finite(1 - *f.Step / *f.Probe)
		}
	}
	return f
}

// finite is a number to be written as JSON, nil where it is none.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func extent(v []float64) [2]float64 { return [2]float64{slices.Min(v), slices.Max(v)} }

// median is the middle of the sorted list; the upper of two.
func median(v []float64) float64 {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
