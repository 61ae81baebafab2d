// Package render draws results as PNG files: the amplitude and the phase of an object, any other map over the scan,
// loss curves, and the side-by-side picture of an evaluation. It is the end of the data's path.
//
// Its nouns: a View gives an image's place in the scan's pixel frame and its coverage; a Panel is an image with its
// colours, range and labels; a Chart is a plot of curves; a Sheet of both becomes a file. Pictures have row 0 on top,
// square pixels, axes in pixels of the scan's frame and a colour bar that prints the range shown. gonum/plot draws
// axes, lines and text. This package paints the raster, because gonum's heat map draws a polygon for each pixel. The
// same input gives the same bytes.
//
// The phase is flattened for the picture only, by its linear ramp and its mean: no diffraction pattern determines them.
// Saved arrays keep both.
package render

import (
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
)

// View places an image in the scan's frame, in object pixels.
type View struct {
	Row, Col int              // of pixel [0, 0] in the scan's frame
	Coverage *ndarray.Float32 // (H, W), light; nil: all covered
}

// Fractions of the coverage, which is nearly even inside a scan and falls off over half a probe at its border.
const (
	wellCovered = 0.10 // of the 90th percentile: below, a pixel is grey and does not extend the picture
	evenCover   = 0.90 // percentile of the covered pixels that represents the inside
)

// Range of values that is shown, in percentiles of the pixels drawn: a few outliers must not darken the picture.
const lowPercentile, highPercentile = 0.01, 0.99

// AmplitudePanel shows |object| (H, W).
func AmplitudePanel(object *ndarray.Complex64, view View) (*Panel, error) {
	img, err := crop(object, view)
	if err != nil {
		return nil, err
	}
	values := img.values(func(v complex64) float64 { return math.Hypot(float64(real(v)), float64(imag(v))) })
	low, high := RobustRange(values, img.shown)
	return img.panel(values, Sequential, low, high, "amplitude"), nil
}

// PhasePanel shows the flattened phase of object (H, W) in rad, with a cyclic colour map if it wraps.
func PhasePanel(object *ndarray.Complex64, view View) (*Panel, error) {
	img, err := crop(object, view)
	if err != nil {
		return nil, err
	}
	values := flatPhase(img)
	low, high := RobustRange(values, img.shown)
	const wraps = 1.7 * math.Pi // a wider range means that the phase wraps
	if high-low > wraps {
		return img.panel(values, Cyclic, -math.Pi, math.Pi, "phase (rad), ramp removed, wrapped"), nil
	}
	return img.panel(values, Grey, low, high, "phase (rad), ramp removed"), nil
}

// MapPanel shows any real image (H, W), such as a coverage or a spread; label names its quantity and unit.
func MapPanel(values *ndarray.Float32, view View, label string) (*Panel, error) {
	img, err := crop(values, view)
	if err != nil {
		return nil, err
	}
	wide := img.values(func(v float32) float64 { return float64(v) })
	low, high := RobustRange(wide, img.shown)
	return img.panel(wide, Sequential, low, high, label), nil
}

// cropped is the well covered part of an image.
type cropped[T ndarray.Element] struct {
	row, col, h, w int
	data           []T
	shown          []bool // false: grey
}

// crop cuts an image to its well covered box.
func crop[T ndarray.Element](a *ndarray.Array[T], view View) (*cropped[T], error) {
	if len(a.Shape) != 2 || len(a.Data) == 0 {
		return nil, fmt.Errorf("render: an image of shape %v, want (H, W)", a.Shape)
	}
	h, w := a.Shape[0], a.Shape[1]
	if view.Coverage != nil && !ndarray.SameShape(view.Coverage.Shape, a.Shape) {
		return nil, fmt.Errorf("render: a coverage of shape %v for an image of shape %v", view.Coverage.Shape, a.Shape)
	}
	covered := func(int) bool { return true }
	if view.Coverage != nil {
		enough := float32(wellCovered) * evenCoverage(view.Coverage.Data)
		covered = func(i int) bool { return view.Coverage.Data[i] > 0 && view.Coverage.Data[i] >= enough }
	}
	top, left, bottom, right := h, w, -1, -1
	for i := range a.Data {
		if covered(i) {
			r, c := i/w, i%w
			top, left, bottom, right = min(top, r), min(left, c), max(bottom, r), max(right, c)
		}
	}
	if bottom < 0 { // nothing covered: the picture is grey
		top, left, bottom, right = 0, 0, h-1, w-1
	}
	out := &cropped[T]{row: view.Row + top, col: view.Col + left, h: bottom - top + 1, w: right - left + 1}
	out.data, out.shown = make([]T, 0, out.h*out.w), make([]bool, 0, out.h*out.w)
	for r := top; r <= bottom; r++ {
		for c := left; c <= right; c++ {
			i := r*w + c
			out.data, out.shown = append(out.data, a.Data[i]), append(out.shown, covered(i))
		}
	}
	return out, nil
}

// evenCoverage is the coverage inside a scan.
func evenCoverage(coverage []float32) float32 {
	var positive []float64
	for _, v := range coverage {
		if v > 0 {
			positive = append(positive, float64(v))
		}
	}
	return float32(percentiles(positive, evenCover)[0])
}

// RobustRange is the range of the shown values (nil: all) without their outermost hundredths, never empty.
func RobustRange(values []float64, shown []bool) (low, high float64) {
	var used []float64
	for i, v := range values {
		if (shown == nil || shown[i]) && finite(v) {
			used = append(used, v)
		}
	}
	p := percentiles(used, lowPercentile, highPercentile)
	low, high = p[0], p[1]
	if least := max(1e-6, 1e-6*math.Abs(low)); !(high-low >= least) {
		middle := (low + high) / 2
		return middle - 0.05*max(1, math.Abs(middle)), middle + 0.05*max(1, math.Abs(middle))
	}
	return low, high
}

// percentiles are values at fractions of the sorted list, zeros for an empty one. Of long lists an even sample is
// sorted.
func percentiles(values []float64, at ...float64) []float64 {
	const enough = 1 << 14
	out := make([]float64, len(at))
	if len(values) == 0 {
		return out
	}
	stride := (len(values) + enough - 1) / enough
	sample := make([]float64, 0, enough)
	for i := 0; i < len(values); i += stride {
		sample = append(sample, values[i])
	}
	slices.Sort(sample)
	for i, f := range at {
		out[i] = sample[int(math.Round(f*float64(len(sample)-1)))]
	}
	return out
}

// values applies a function to every pixel.
func (img *cropped[T]) values(of func(T) float64) []float64 {
	out := make([]float64, len(img.data))
	for i, v := range img.data {
		out[i] = of(v)
	}
	return out
}

// panel places values in the frame of the image.
func (img *cropped[T]) panel(values []float64, m Colormap, low, high float64, label string) *Panel {
	return &Panel{
		Row: img.row, Col: img.col, H: img.h, W: img.w,
		Values: values, Shown: img.shown, Map: m, Low: low, High: high, Label: label,
	}
}
