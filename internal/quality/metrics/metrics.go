// Package metrics measures how well a reconstructed object agrees with a reference.
//
// Two objects that explain the same patterns equally well may differ by a global phase, a scale, a linear phase ramp
// and a shift of a few pixels, because the probe takes the opposite shift. Align removes these four first, inside the
// Region: the central part of the area that both objects cover. The Aligned pair gives a Report: the complex
// correlation, SSIM and PSNR of amplitude and phase, and the Fourier ring correlation. Compat computes the numbers as
// PtychoPINN's ptycho/evaluation.py does, for comparison with published ones.
//
// The package stands after stitching; files and pictures are the business of evaluate and report.
package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
)

// Image is an object in a scan's pixel frame.
type Image struct {
	Object   *ndarray.Complex64 // (H, W), complex transmission
	Row, Col int                // of Object[0, 0] in the frame
	Coverage *ndarray.Float32   // (H, W), light; nil: all are covered
}

// Options of a comparison. The zero value is the usual one.
type Options struct {
	Region      float64 // side of the region relative to the common area, in (0, 1]; 0: one half
	MaxShift    float64 // largest shift, in pixels; 0: 4, or any if these do not suffice; negative: none
	PixelSizeNM float64 // object pixel in nanometres; 0: unknown
}

const (
	defaultRegion   = 0.5
	defaultMaxShift = 4
	// minSide is the smallest region: SSIM's window is 7 pixels, and rings need room.
	minSide = 16
	// wellCovered is the share of the usual coverage below which a pixel is left out. Pictures grey it likewise.
	wellCovered = 0.10
)

var (
	// ErrNoOverlap is returned when the objects share too little of the frame.
	ErrNoOverlap = errors.New("the two objects share too little area")
	// ErrFlat is returned when the reference has no structure in the region, so that nothing could agree with it.
	ErrFlat = errors.New("the reference is constant there")
	// ErrNotFinite is returned when a covered pixel is NaN or Inf.
	ErrNotFinite = errors.New("holds a value that is not finite")
)

// Box is a rectangle of the scan's frame.
type Box struct {
	Row    int `json:"row"`
	Col    int `json:"col"`
	Height int `json:"height"`
	Width  int `json:"width"`
}

// String names the first and last row and column.
func (b Box) String() string {
	return fmt.Sprintf("rows %d to %d, columns %d to %d", b.Row, b.Row+b.Height-1, b.Col, b.Col+b.Width-1)
}

func (b Box) intersect(o Box) Box {
	row, col := max(b.Row, o.Row), max(b.Col, o.Col)
	bottom, right := min(b.Row+b.Height, o.Row+o.Height), min(b.Col+b.Width, o.Col+o.Width)
	return Box{Row: row, Col: col, Height: max(0, bottom-row), Width: max(0, right-col)}
}

// checkSize refuses a box smaller than minSide.
func (b Box) checkSize(what string) error {
	if b.Height >= minSide && b.Width >= minSide {
		return nil
	}
	return fmt.Errorf("metrics: %s %d x %d pixels, want at least %d x %d: %w",
		what, b.Height, b.Width, minSide, minSide, ErrNoOverlap)
}

// central is the middle part of the box with the given share of its sides: of n pixels those from n(1-share)/2 to
// n(1+share)/2, both rounded down.
func (b Box) central(share float64) Box {
	cut := func(n int) (from, to int) {
		return int(math.Floor(float64(n) * (1 - share) / 2)), int(math.Floor(float64(n) * (1 + share) / 2))
	}
	top, bottom := cut(b.Height)
	left, right := cut(b.Width)
	return Box{Row: b.Row + top, Col: b.Col + left, Height: bottom - top, Width: right - left}
}

// Report is the result of a comparison. All numbers are finite.
type Report struct {
	Convention string  `json:"convention"` // "ptyx"
	Region     Box     `json:"region"`     // that was compared
	Covered    float64 `json:"covered"`    // share of the region's pixels that counted

	ShiftRow   float64 `json:"shift_row"` // displacement of the reconstruction from the reference, in pixels
	ShiftCol   float64 `json:"shift_col"`
	RampRow    float64 `json:"ramp_row"` // phase ramp of the reconstruction relative to the reference, in rad per pixel
	RampCol    float64 `json:"ramp_col"`
	Scale      float64 `json:"scale"`       // that multiplied its amplitude
	PhaseShift float64 `json:"phase_shift"` // added to its phase, in rad

	// Correlation is |<a - mean a, b - mean b>| / (|a - mean a| |b - mean b|) of the complex objects: 0 for a constant.
	Correlation float64 `json:"complex_correlation"`
	// Overlap is |<a, b>| / (|a| |b|): near 1 for any two objects that are mostly transparent.
	Overlap float64 `json:"complex_overlap"`

	Amplitude Quality `json:"amplitude"`
	Phase     Quality `json:"phase"` // of the reference's flattened phase, differences taken on the circle
	FRC       FRC     `json:"frc"`
}

// Quality of a real image against another.
type Quality struct {
	SSIM      float64 `json:"ssim"`    // 7 x 7 uniform window, unbiased covariance, over DataRange
	PSNR      float64 `json:"psnr_db"` // 10 log10(DataRange^2 / MSE), at most 200
	RMSE      float64 `json:"rmse"`
	MAE       float64 `json:"mae"`
	DataRange float64 `json:"data_range"` // largest minus smallest value of the reference: the peak of SSIM and PSNR
}

// Compare aligns recon with reference and measures their agreement.
func Compare(recon, reference Image, opt Options) (Report, error) {
	aligned, err := Align(recon, reference, opt)
	if err != nil {
		return Report{}, err
	}
	return aligned.Report(opt), nil
}

// box is the smallest rectangle around the covered pixels.
func (im Image) box() Box {
	h, w := im.Object.Shape[0], im.Object.Shape[1]
	if im.Coverage == nil {
		return Box{Row: im.Row, Col: im.Col, Height: h, Width: w}
	}
	top, left, bottom, right := h, w, -1, -1
	for i, v := range im.Coverage.Data {
		if v > 0 {
			top, left, bottom, right = min(top, i/w), min(left, i%w), max(bottom, i/w), max(right, i%w)
		}
	}
	if bottom < 0 {
		return Box{}
	}
	return Box{Row: im.Row + top, Col: im.Col + left, Height: bottom - top + 1, Width: right - left + 1}
}

// check makes sure that shapes fit and covered values are finite.
func (im Image) check(what string) error {
	if len(im.Object.Shape) != 2 {
		return fmt.Errorf("metrics: %s of shape %v, want (H, W)", what, im.Object.Shape)
	}
	if im.Coverage != nil && !ndarray.SameShape(im.Coverage.Shape, im.Object.Shape) {
		return fmt.Errorf("metrics: %s of shape %v with a coverage of shape %v",
			what, im.Object.Shape, im.Coverage.Shape)
	}
	for i, v := range im.Object.Data {
		sum := float64(real(v)) + float64(imag(v))
		if (math.IsNaN(sum) || math.IsInf(sum, 0)) && (im.Coverage == nil || im.Coverage.Data[i] > 0) {
			w := im.Object.Shape[1]
			return fmt.Errorf("metrics: %s, row %d, column %d: %w", what, i/w, i%w, ErrNotFinite)
		}
	}
	return nil
}

// enough is the coverage from which a pixel counts.
func (im Image) enough() float32 {
	if im.Coverage == nil {
		return 0
	}
	var positive []float32
	for _, v := range im.Coverage.Data {
		if v > 0 {
			positive = append(positive, v)
		}
	}
	if len(positive) == 0 {
		return 0
	}
	slices.Sort(positive)
	return wellCovered * positive[len(positive)*9/10]
}

// common is the box that both images cover.
func common(a, b Image) (Box, error) {
	box := a.box().intersect(b.box())
	return box, box.checkSize("a common area of")
}
