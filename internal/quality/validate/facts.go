package validate

import (
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/grouping"
)

// Facts are what was measured of a scan, whether or not something is wrong. Nil means: could not be measured.
type Facts struct {
	Patterns     int           `json:"patterns"`
	Size         int           `json:"size_pixels"`    // N
	Crop         string        `json:"crop,omitempty"` // SIZE@ROW,COLUMN, that --crop auto found
	Input        string        `json:"input"`          // amplitude or intensity, as taken
	Layout       string        `json:"layout"`
	Photons      *float64      `json:"photons_per_pattern,omitempty"` // mean sum of intensities, in the file's unit
	X            [2]float64    `json:"x_pixels"`                      // least and largest
	Y            [2]float64    `json:"y_pixels"`
	Step         *float64      `json:"nearest_neighbour_pixels,omitempty"` // median distance of distinct positions
	Probe        *float64      `json:"probe_diameter_pixels,omitempty"`
	Guessed      bool          `json:"probe_guessed,omitempty"`        // from the patterns: the scan has no probe
	Overlap      *float64      `json:"overlap,omitempty"`              // linear: 1 - step / diameter
	FarField     *float64      `json:"far_field_likeness,omitempty"`   // of the probe's far field to the mean pattern
	Calibrated   *float64      `json:"calibrated_agreement,omitempty"` // correlation of given and fitted probe
	Tried        int           `json:"patterns_tried,omitempty"`       // for the orientations
	Orientations []Orientation `json:"orientations,omitempty"`         // best first
	Shuffled     *float64      `json:"shuffled_residual,omitempty"`    // with positions in a random order
}

// newFacts measures what needs no check.
func newFacts(scan *dataset.Scan, probe *ndarray.Complex64, s *survey) *Facts {
	f := &Facts{
		Patterns: scan.M, Size: scan.N, Input: string(scan.Input), Layout: string(scan.Layout()),
		Photons: finite(s.power / float64(s.frames)),
	}
	if len(scan.X) > 0 {
		f.X, f.Y = extent(scan.X), extent(scan.Y)
	}
	f.Step = finite(medianStep(scan.X, scan.Y))
	if probe != nil {
		f.addProbe(probe)
	}
	return f
}

// addProbe measures a probe and the overlap of its positions.
func (f *Facts) addProbe(probe *ndarray.Complex64) {
	f.Probe = finite(optics.Diameter(probe))
	if f.Step != nil {
		f.Overlap = finite(1 - *f.Step / *f.Probe)
	}
}

// Overlap is the linear overlap of patterns at x, y (M) in object pixels under a probe (N, N): 1 - step / diameter,
// with the median distance of nearest neighbours. It is negative if patterns do not touch, and NaN for a single one.
func Overlap(x, y []float64, probe *ndarray.Complex64) float64 {
	return 1 - medianStep(x, y)/optics.Diameter(probe)
}

// medianStep is the median distance of positions to the nearest other, pixels; NaN for fewer than two. A position that
// was measured several times counts once, also if an encoder's noise moved it: otherwise its distance would be near 0.
func medianStep(x, y []float64) float64 {
	x, y = distinct(x, y)
	if len(x) < 2 {
		return math.NaN()
	}
	step := grouping.MedianDistance(x, y)
	// Repeats lie in groups that are small compared with the distance of the groups.
	for radius := 2 * step; ; radius *= 2 {
		ownX, ownY := picked(x, y, grouping.Apart(x, y, radius))
		if len(ownX) < 2 || mostRepeats*len(ownX) < len(x) {
			return step
		}
		if wide := grouping.MedianDistance(ownX, ownY); wide >= clearGap*radius {
			return wide
		}
	}
}

const (
	mostRepeats = 12 // measurements of a position that are recognised; with more, separate fields look like repeats
	clearGap    = 3  // the distance of groups, in radii of a group; evenly spread positions have up to 2
)

// distinct are the positions without repetitions, in their order.
func distinct(x, y []float64) (ownX, ownY []float64) {
	seen := map[[2]float64]bool{}
	for i := range x {
		if at := [2]float64{x[i], y[i]}; !seen[at] {
			seen[at] = true
			ownX, ownY = append(ownX, x[i]), append(ownY, y[i])
		}
	}
	return ownX, ownY
}

// picked are the positions of some indices.
func picked(x, y []float64, indices []int) (someX, someY []float64) {
	for _, i := range indices {
		someX, someY = append(someX, x[i]), append(someY, y[i])
	}
	return someX, someY
}

// finite is a number to be written as JSON, nil if it is not finite.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func extent(v []float64) [2]float64 { return [2]float64{slices.Min(v), slices.Max(v)} }
