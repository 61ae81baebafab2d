package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/physics/spectrum"
)

// Aligned is a pair of objects over the same region: the reconstruction shifted, its ramp removed, and scaled to fit.
type Aligned struct {
	Region             Box
	Recon, Reference   *spectrum.Field // (h, w)
	Mask               []bool          // (h, w), pixels that count
	ShiftRow, ShiftCol float64         // that were removed, in pixels
	RampRow, RampCol   float64         // that were removed, in rad per pixel; the ramp is 1 at the region's first pixel
	Scale              complex128      // that multiplied the reconstruction, after the ramp
}

// Before a Fourier shift the reconstruction is faded out beyond the region, so that the cyclic shift has no edge.
const (
	interpolation = 16 // width of the border in which it fades, beside the largest shift, in pixels
	flatMargin    = 4  // of that, pixels that stay untouched, because the interpolation reaches into them
)

// Align finds the shift, ramp and complex scale that bring recon onto reference in the central region that opt selects.
// If the two hardly agree or overlap, and opt does not limit the shift, it tries a shift of any length. The error wraps
// ErrNoOverlap, ErrFlat or ErrNotFinite.
func Align(recon, reference Image, opt Options) (*Aligned, error) {
	aligned, err := alignNear(recon, reference, opt)
	apart := errors.Is(err, ErrNoOverlap)
	if err != nil && !apart || opt.MaxShift != 0 || !apart && aligned.correlation() >= Hardly {
		return aligned, err
	}
	if far := farther(recon, reference, opt); far != nil {
		return far, nil
	}
	return aligned, err
}

// alignNear aligns with a shift up to opt.MaxShift.
func alignNear(recon, reference Image, opt Options) (*Aligned, error) {
	if err := errors.Join(recon.check("the reconstruction"), reference.check("the reference")); err != nil {
		return nil, err
	}
	area, err := common(recon, reference)
	if err != nil {
		return nil, err
	}
	region := area.central(min(max(cmp.Or(opt.Region, defaultRegion), 0), 1))
	if err := region.checkSize("a region of"); err != nil {
		return nil, err
	}
	a := newAligner(recon, reference, region, opt.maxShift())
	if !slices.Contains(a.mask, true) {
		return nil, fmt.Errorf("metrics: no pixel of the central region is well covered: %w", ErrNoOverlap)
	}
	if a.flatReference() {
		return nil, fmt.Errorf("metrics: %s: %w", region, ErrFlat)
	}
	return a.run(), nil
}

func (o Options) maxShift() int {
	switch {
	case o.MaxShift < 0:
		return 0
	case o.MaxShift == 0:
		return defaultMaxShift
	}
	return int(math.Ceil(o.MaxShift))
}

// aligner holds a pair during alignment.
type aligner struct {
	region    Box
	reference *spectrum.Field // (h, w)
	mask      []bool          // (h, w)
	maxShift  int             // pixels
	margin    int             // of wide around the region
	wide      *spectrum.Field // the reconstruction with its margin, (h + 2 margin, w + 2 margin)
	kr, kc    float64         // ramp that was multiplied onto wide, 1 at the region's first pixel
}

func newAligner(recon, reference Image, region Box, maxShift int) *aligner {
	h, w := region.Height, region.Width
	a := &aligner{
		region: region, maxShift: maxShift, margin: maxShift + interpolation,
		reference: reference.crop(region), mask: make([]bool, h*w),
	}
	enoughRecon, enoughReference := recon.enough(), reference.enough()
	for i := range a.mask {
		row, col := region.Row+i/w, region.Col+i%w
		a.mask[i] = recon.covered(row, col, enoughRecon) && reference.covered(row, col, enoughReference)
	}
	m := a.margin
	a.wide = recon.crop(Box{Row: region.Row - m, Col: region.Col - m, Height: h + 2*m, Width: w + 2*m})
	return a
}

// crop is a box of the image, in double precision.
func (im Image) crop(box Box) *spectrum.Field {
	out := spectrum.New(box.Height, box.Width)
	for i := range out.Data {
		out.Data[i] = im.value(box.Row+i/box.Width, box.Col+i%box.Width)
	}
	return out
}

// value is the object at a pixel of the frame; beyond its edge, the nearest pixel's; 0 where it is not finite.
func (im Image) value(row, col int) complex128 {
	h, w := im.Object.Shape[0], im.Object.Shape[1]
	r, c := min(max(row-im.Row, 0), h-1), min(max(col-im.Col, 0), w-1)
	v := complex128(im.Object.Data[r*w+c])
	if cmplx.IsNaN(v) || cmplx.IsInf(v) {
		return 0
	}
	return v
}

// covered reports whether a pixel of the frame, inside the image, has enough coverage.
func (im Image) covered(row, col int, enough float32) bool {
	if im.Coverage == nil {
		return true
	}
	v := im.Coverage.Data[(row-im.Row)*im.Object.Shape[1]+col-im.Col]
	return v > 0 && v >= enough
}

// flatReference reports that the reference varies by less than float32's own rounding.
func (a *aligner) flatReference() bool {
	s := momentsOf(a.reference, a.reference, a.mask)
	return !(s.centredAA() > 1e-12*s.aa)
}

// run removes the ramp, finds the shift in whole pixels, then refines both in turn.
func (a *aligner) run() *Aligned {
	a.removeRamp(0, 0, spectrum.Peak)
	still, ramp := a.at(0, 0), [2]float64{a.kr, a.kc}
	row, col := 0.0, 0.0
	if a.maxShift > 0 {
		row, col = a.pixelShift()
		row, col = a.refine(row, col)
	}
	moved := a.at(row, col)
	// A shift must gain this much correlation: interpolation has a cost, and noise always favours some shift a little.
	const worth = 1e-5
	if limit := float64(a.maxShift); math.Abs(row) > limit || math.Abs(col) > limit ||
		!(a.correlation(moved) > a.correlation(still)+worth) {
		row, col, moved, a.kr, a.kc = 0, 0, still, ramp[0], ramp[1]
	}
	s := momentsOf(moved, a.reference, a.mask)
	scale := 0i
	if s.aa > 0 {
		scale = s.ab / complex(s.aa, 0)
	}
	for i := range moved.Data {
		moved.Data[i] *= scale
	}
	return &Aligned{
		Region: a.region, Recon: moved, Reference: a.reference, Mask: a.mask,
		ShiftRow: row, ShiftCol: col, RampRow: -a.kr, RampCol: -a.kc, Scale: scale,
	}
}

// removeRamp multiplies the reconstruction by the ramp that fits reference * conj(recon) at a displacement, found by
// peak.
func (a *aligner) removeRamp(row, col float64, peak func(*spectrum.Field) (float64, float64)) {
	product := a.at(row, col)
	for i, v := range product.Data {
		product.Data[i] = 0
		if a.mask[i] {
			product.Data[i] = a.reference.Data[i] * cmplx.Conj(v)
		}
	}
	kr, kc := peak(product)
	a.wide.Ramp(kr, kc, float64(a.margin), float64(a.margin))
	a.kr, a.kc = a.kr+kr, a.kc+kc
}

// at is the reconstruction over the region displaced by (row, col): the value at r + (row, col) comes to r. Pixels are
// copied; a fraction of a pixel is trigonometric interpolation of the faded surroundings.
func (a *aligner) at(row, col float64) *spectrum.Field {
	pixelRow, pixelCol := math.Round(row), math.Round(col)
	from := a.wide
	if row != pixelRow || col != pixelCol {
		from = a.interpolated(row-pixelRow, col-pixelCol)
	}
	return from.Crop(a.margin+int(pixelRow), a.margin+int(pixelCol), a.region.Height, a.region.Width)
}

// interpolated is the wide field displaced by a fraction of a pixel.
func (a *aligner) interpolated(row, col float64) *spectrum.Field {
	out := a.wide.Clone()
	mean := 0i
	for _, v := range out.Data {
		mean += v
	}
	mean /= complex(float64(len(out.Data)), 0)
	fade := interpolation - flatMargin
	rows, cols := taper(out.H, fade), taper(out.W, fade)
	for i := range out.Data {
		out.Data[i] = (out.Data[i] - mean) * complex(rows[i/out.W]*cols[i%out.W], 0)
	}
	out.Shift(-row, -col)
	for i := range out.Data {
		out.Data[i] += mean
	}
	return out
}

// taper is 1, except over the outermost fade samples, where it falls to 0 as a raised cosine.
func taper(n, fade int) []float64 {
	out := make([]float64, n)
	for i := range out {
		edge := min(i, n-1-i)
		out[i] = 1
		if edge < fade {
			out[i] = (1 - math.Cos(math.Pi*(float64(edge)+0.5)/float64(fade))) / 2
		}
	}
	return out
}

// pixelShift is the displacement in whole pixels with the best correlation.
func (a *aligner) pixelShift() (row, col float64) {
	best := -1.0
	for r := -a.maxShift; r <= a.maxShift; r++ {
		for c := -a.maxShift; c <= a.maxShift; c++ {
			if v := a.correlation(a.at(float64(r), float64(c))); v > best {
				best, row, col = v, float64(r), float64(c)
			}
		}
	}
	return row, col
}

// refine improves the displacement and the ramp in turn. A displacement is a ramp of the cross-spectrum.
func (a *aligner) refine(row, col float64) (float64, float64) {
	const (
		rounds = 20
		small  = 1e-3 // pixels; far finer than any object is known
	)
	near := func(f *spectrum.Field) (float64, float64) { return spectrum.PeakNear(f, 0, 0) }
	for range rounds {
		a.removeRamp(row, col, near)
		dr, dc := a.residualShift(a.at(row, col))
		row, col = row+dr, col+dc
		if max(math.Abs(dr), math.Abs(dc)) < small || max(math.Abs(row), math.Abs(col)) > float64(a.maxShift)+1 {
			break
		}
	}
	return row, col
}

// residualShift is the displacement that remains between the field and the reference: the peak of their
// cross-correlation, found as the subpixel frequency of the cross-spectrum. The windows bias it towards zero, so the
// caller repeats.
func (a *aligner) residualShift(recon *spectrum.Field) (row, col float64) {
	x, y := a.windowed(recon), a.windowed(a.reference)
	x.FFT()
	y.FFT()
	for i := range y.Data {
		y.Data[i] *= cmplx.Conj(x.Data[i])
	}
	kr, kc := spectrum.PeakNear(y.Centre(), 0, 0)
	return kr * float64(y.H) / (2 * math.Pi), kc * float64(y.W) / (2 * math.Pi)
}

// windowed is a field under a Hann window and the mask, its mean there removed.
func (a *aligner) windowed(f *spectrum.Field) *spectrum.Field {
	out := spectrum.New(f.H, f.W)
	rows, cols := hann(f.H), hann(f.W)
	sum, weight := 0i, 0.0
	for i, v := range f.Data {
		if a.mask[i] {
			w := rows[i/f.W] * cols[i%f.W]
			sum, weight = sum+complex(w, 0)*v, weight+w
		}
	}
	mean := sum / complex(weight, 0)
	for i, v := range f.Data {
		if a.mask[i] {
			out.Data[i] = complex(rows[i/f.W]*cols[i%f.W], 0) * (v - mean)
		}
	}
	return out
}

// hann is a Hann window of n samples without zeros at its ends.
func hann(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = (1 - math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))) / 2
	}
	return out
}

// moments are sums over the mask of a pair of fields.
type moments struct {
	n      float64
	a, b   complex128 // sums
	ab     complex128 // sum of conj(a) b
	aa, bb float64    // sums of squared magnitudes
}

func momentsOf(x, y *spectrum.Field, mask []bool) moments {
	var m moments
	for i, counts := range mask {
		if counts {
			p, q := x.Data[i], y.Data[i]
			m.n++
			m.a, m.b = m.a+p, m.b+q
			m.ab += cmplx.Conj(p) * q
			m.aa += real(p)*real(p) + imag(p)*imag(p)
			m.bb += real(q)*real(q) + imag(q)*imag(q)
		}
	}
	return m
}

func (m moments) centredAA() float64 { return m.aa - (real(m.a)*real(m.a)+imag(m.a)*imag(m.a))/m.n }
func (m moments) centredBB() float64 { return m.bb - (real(m.b)*real(m.b)+imag(m.b)*imag(m.b))/m.n }

// correlation is that of the deviations from the means; 0 if one side has none beyond rounding.
func (m moments) correlation() float64 {
	aa, bb := m.centredAA(), m.centredBB()
	if !(aa > 1e-14*m.aa && bb > 1e-14*m.bb) {
		return 0
	}
	return min(1, cmplx.Abs(m.ab-cmplx.Conj(m.a)*m.b/complex(m.n, 0))/math.Sqrt(aa*bb))
}

// overlap is |<a, b>| / (|a| |b|); 0 for a zero field.
func (m moments) overlap() float64 {
	if m.aa == 0 || m.bb == 0 {
		return 0
	}
	return min(1, cmplx.Abs(m.ab)/math.Sqrt(m.aa*m.bb))
}

func (a *aligner) correlation(recon *spectrum.Field) float64 {
	return momentsOf(recon, a.reference, a.mask).correlation()
}
