package metrics

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/physics/spectrum"
)

// CompatReport holds the numbers of PtychoPINN's evaluation (ptycho/evaluation.py, ptycho/image/registration.py),
// computed in the same way with the same constants, for comparison with published numbers. One thing differs: both
// objects are cropped at their known place in the scan's frame, not around their centres.
type CompatReport struct {
	Convention string        `json:"convention"` // "pinn-compat"
	Region     Box           `json:"region"`     // before registration and trimming
	ShiftRow   float64       `json:"shift_row"`  // by which the reconstruction was moved, in pixels
	ShiftCol   float64       `json:"shift_col"`
	Amplitude  CompatQuality `json:"amplitude"` // after scaling by mean(reference)/mean(reconstruction)
	Phase      CompatQuality `json:"phase"`     // after subtracting a plane fitted to each phase, wraps and all
}

// CompatQuality of a real image.
type CompatQuality struct {
	MAE     float64   `json:"mae"`
	MSE     float64   `json:"mse"`
	PSNR    float64   `json:"psnr_db"` // with PeakPSNR as the peak, as cv2.PSNR has it by default
	Peak    float64   `json:"psnr_peak"`
	SSIM    float64   `json:"ssim"`
	MSSSIM  float64   `json:"ms_ssim"` // product of the SSIM at five scales, each to its weight
	FRC50   float64   `json:"frc50"`   // ring index where the curve falls below 1/2; its length if never
	FRC1of7 float64   `json:"frc1over7"`
	FRC     []float64 `json:"frc"` // |sum F1 conj(F2)| / sqrt(...), no window, past Nyquist into the corners
}

// PtychoPINN's constants.
const (
	compatPatch    = 20  // M: side of the patch that it stitches; the scan's box grows by half of it
	compatUpsample = 50  // registration to 1/50 pixel
	compatBorder   = 2   // cropped after the Fourier shift
	compatTrim     = 2   // offset/2, trimmed on each side
	compatPeak     = 255 // cv2.PSNR's default
)

// Scan lists the centres of the patterns, in pixels of the frame.
type Scan struct{ X, Y []float64 }

// Compat compares as PtychoPINN does, in the box of the scan (nil: all that both objects cover). The error wraps
// ErrNoOverlap or ErrNotFinite.
func Compat(recon, reference Image, scan *Scan) (CompatReport, error) {
	if err := errors.Join(recon.check("an object"), reference.check("an object")); err != nil {
		return CompatReport{}, err
	}
	box, err := common(recon, reference)
	if err != nil {
		return CompatReport{}, err
	}
	if scan != nil && len(scan.X) > 0 {
		box = box.intersect(scan.box(compatPatch / 2))
	}
	const edge = compatBorder + compatTrim
	if box.Height < minSide+2*edge || box.Width < minSide+2*edge {
		return CompatReport{}, fmt.Errorf("metrics: %d x %d pixels of the scan in common: %w",
			box.Height, box.Width, ErrNoOverlap)
	}
	truth, pred := reference.crop(box), recon.crop(box)
	h, w := box.Height, box.Width
	row, col := phaseCorrelation(realField(magnitudes(truth), h, w), realField(magnitudes(pred), h, w), compatUpsample)
	pred.Shift(row, col)
	truth, pred = truth.Crop(edge, edge, h-2*edge, w-2*edge), pred.Crop(edge, edge, h-2*edge, w-2*edge)
	return CompatReport{
		Convention: "pinn-compat", Region: box, ShiftRow: row, ShiftCol: col,
		Amplitude: compatAmplitude(pred, truth), Phase: compatPhase(pred, truth),
	}, nil
}

// box is the scan's bounding box, grown by a margin.
func (s *Scan) box(margin int) Box {
	row, col := int(slices.Min(s.Y))-margin, int(slices.Min(s.X))-margin
	bottom, right := int(slices.Max(s.Y))+margin+1, int(slices.Max(s.X))+margin+1
	return Box{Row: row, Col: col, Height: bottom - row, Width: right - col}
}

// realField is a field (h, w) of real values.
func realField(values []float64, h, w int) *spectrum.Field {
	out := spectrum.New(h, w)
	for i, v := range values {
		out.Data[i] = complex(v, 0)
	}
	return out
}

func compatAmplitude(pred, truth *spectrum.Field) CompatQuality {
	got, want := magnitudes(pred), magnitudes(truth)
	scale := 0.0
	if m := mean(got); m > 0 {
		scale = mean(want) / m
	}
	for i := range got {
		got[i] *= scale
	}
	h, w := truth.H, truth.W
	q := compatErrors(got, want, h, w)
	q.SSIM = SSIM(got, want, nil, h, w, span(want))
	q.MSSSIM = multiScaleSSIM(gaussianBlur(got, h, w), gaussianBlur(want, h, w), h, w)
	return q
}

func compatPhase(pred, truth *spectrum.Field) CompatQuality {
	got, want := withoutPlane(pred), withoutPlane(truth)
	q := compatErrors(got, want, truth.H, truth.W)
	for _, phase := range [][]float64{got, want} {
		for i := range phase {
			phase[i] = (phase[i] + math.Pi) / (2 * math.Pi)
		}
	}
	q.SSIM = SSIM(got, want, nil, truth.H, truth.W, 1)
	q.MSSSIM = multiScaleSSIM(got, want, truth.H, truth.W)
	return q
}

// compatErrors fills all but the SSIMs.
func compatErrors(got, want []float64, h, w int) CompatQuality {
	q := CompatQuality{Peak: compatPeak, FRC: compatFRC(got, want, h, w)}
	for i := range got {
		d := got[i] - want[i]
		q.MAE += math.Abs(d) / float64(len(got))
		q.MSE += d * d / float64(len(got))
	}
	q.PSNR = PSNR(q.MSE, compatPeak)
	q.FRC50, q.FRC1of7 = firstBelow(q.FRC, 0.5), firstBelow(q.FRC, 1.0/7)
	return q
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// span is the difference of the largest and the smallest value.
func span(values []float64) float64 { return slices.Max(values) - slices.Min(values) }

// withoutPlane is the wrapped phase minus its least-squares plane. Over a full grid the centred coordinates and the
// constant are orthogonal, so each coefficient is a quotient of two sums.
func withoutPlane(f *spectrum.Field) []float64 {
	out := make([]float64, len(f.Data))
	var s, sr, sc, rr, cc float64
	coordinates := func(i int) (r, c float64) {
		return float64(i/f.W) - float64(f.H-1)/2, float64(i%f.W) - float64(f.W-1)/2
	}
	for i, v := range f.Data {
		out[i] = cmplx.Phase(v)
		r, c := coordinates(i)
		s, sr, sc, rr, cc = s+out[i], sr+r*out[i], sc+c*out[i], rr+r*r, cc+c*c
	}
	for i := range out {
		r, c := coordinates(i)
		out[i] -= s/float64(len(out)) + sr/rr*r + sc/cc*c
	}
	return out
}

// compatFRC is the curve of the central square, by rounded radius, up to the corner.
func compatFRC(got, want []float64, h, w int) []float64 {
	n := min(h, w)
	square := func(values []float64) *spectrum.Field {
		f := realField(values, h, w).Crop((h-n)/2, (w-n)/2, n, n)
		f.FFT()
		return f
	}
	var out []float64
	for _, r := range rings(square(want), square(got)) {
		out = append(out, r.normalised(cmplx.Abs(r.cross)))
	}
	return out
}

// firstBelow is the index at which the curve first falls below the threshold, interpolated; its length if never.
func firstBelow(curve []float64, threshold float64) float64 {
	for i, v := range curve {
		if v < threshold {
			if i == 0 {
				return 0
			}
			return float64(i-1) + (curve[i-1]-threshold)/(curve[i-1]-v)
		}
	}
	return float64(len(curve))
}

// multiScaleSSIM is PtychoPINN's simplified MS-SSIM: the full SSIM at each scale, to the weights of Wang et al. (2003),
// with every second pixel kept between scales and no filter.
func multiScaleSSIM(x, y []float64, h, w int) float64 {
	span := max(span(x), span(y))
	product := 1.0
	for _, weight := range []float64{0.0448, 0.2856, 0.3001, 0.2363, 0.1333} {
		v := SSIM(x, y, nil, h, w, span)
		if v < 0 {
			v = 0.0001
		}
		product *= math.Pow(v, weight)
		x, y = halved(x, h, w), halved(y, h, w)
		h, w = (h+1)/2, (w+1)/2
		if min(h, w) < ssimWindow {
			break
		}
	}
	return product
}

func halved(x []float64, h, w int) []float64 {
	var out []float64
	for r := 0; r < h; r += 2 {
		for c := 0; c < w; c += 2 {
			out = append(out, x[r*w+c])
		}
	}
	return out
}

// gaussianBlur is scipy's gaussian_filter of sigma 1: cut at 4 sigma, edges mirrored with the edge pixel repeated.
func gaussianBlur(x []float64, h, w int) []float64 {
	const radius = 4
	var kernel [2*radius + 1]float64
	sum := 0.0
	for i := range kernel {
		kernel[i] = math.Exp(-float64((i-radius)*(i-radius)) / 2)
		sum += kernel[i]
	}
	mirror := func(i, n int) int {
		i = ((i % (2 * n)) + 2*n) % (2 * n)
		return min(i, 2*n-1-i)
	}
	along := func(x []float64, index func(r, c, d int) int) []float64 {
		out := make([]float64, len(x))
		for i := range out {
			for k, v := range kernel {
				out[i] += v / sum * x[index(i/w, i%w, k-radius)]
			}
		}
		return out
	}
	x = along(x, func(r, c, d int) int { return mirror(r+d, h)*w + c })
	return along(x, func(r, c, d int) int { return r*w + mirror(c+d, w) })
}

// phaseCorrelation is the shift that moves `moving` onto `fixed`, to 1/upsample pixel: scikit-image's
// phase_cross_correlation with its default whitening (Guizar-Sicairos et al., Opt. Lett. 33, 156, 2008).
func phaseCorrelation(fixed, moving *spectrum.Field, upsample int) (row, col float64) {
	h, w := fixed.H, fixed.W
	product := fixed.Clone()
	product.FFT()
	other := moving.Clone()
	other.FFT()
	const eps = 0x1p-52
	for i, v := range other.Data {
		p := product.Data[i] * cmplx.Conj(v)
		product.Data[i] = p / complex(max(cmplx.Abs(p), 100*eps), 0)
	}
	correlation := product.Clone()
	correlation.IFFT()
	at := largest(correlation.Data)
	row, col = float64(spectrum.Frequency(at/w, h)), float64(spectrum.Frequency(at%w, w))
	// The correlation around the coarse maximum, on a grid of 1/upsample, as a product of two small DFT matrices.
	size := int(math.Ceil(float64(upsample) * 1.5))
	centre := float64(size / 2)
	rows, cols := fineDFT(h, size, row, centre, upsample), fineDFT(w, size, col, centre, upsample)
	half := make([]complex128, size*w) // (size, w)
	for i := range size {
		for r := range h {
			for c := range w {
				half[i*w+c] += rows[i*h+r] * product.Data[r*w+c]
			}
		}
	}
	fine := make([]complex128, size*size)
	for i := range size {
		for j := range size {
			for c := range w {
				fine[i*size+j] += half[i*w+c] * cols[j*w+c]
			}
		}
	}
	at = largest(fine)
	return row + (float64(at/size)-centre)/float64(upsample), col + (float64(at%size)-centre)/float64(upsample)
}

// fineDFT is a matrix (size, n) of exp(2 pi i k x / n) at x = shift + (row - centre)/upsample.
func fineDFT(n, size int, shift, centre float64, upsample int) []complex128 {
	out := make([]complex128, size*n)
	for i := range size {
		x := shift + (float64(i)-centre)/float64(upsample)
		for k := range n {
			out[i*n+k] = cmplx.Rect(1, 2*math.Pi*float64(spectrum.Frequency(k, n))*x/float64(n))
		}
	}
	return out
}

// largest is the index of the element of largest magnitude, the first of equals.
func largest(values []complex128) int {
	best, at := -1.0, 0
	for i, v := range values {
		if p := cmplx.Abs(v); p > best {
			best, at = p, i
		}
	}
	return at
}
