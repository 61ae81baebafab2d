package metrics

import (
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
)

// Report measures the aligned pair. Only the pixel size of opt counts.
func (a *Aligned) Report(opt Options) Report {
	m := momentsOf(a.Recon, a.Reference, a.Mask)
	h, w := a.Region.Height, a.Region.Width
	reconAmplitude, referenceAmplitude := a.Amplitudes()
	reconPhase, referencePhase := a.Phases()
	return Report{
		Convention: "ptyx", Region: a.Region, Covered: m.n / float64(h*w),
		ShiftRow: a.ShiftRow, ShiftCol: a.ShiftCol, RampRow: a.RampRow, RampCol: a.RampCol,
		Scale: cmplx.Abs(a.Scale), PhaseShift: cmplx.Phase(a.Scale),
		Correlation: m.correlation(), Overlap: m.overlap(),
		Amplitude: quality(reconAmplitude, referenceAmplitude, a.Mask, h, w),
		Phase:     quality(reconPhase, referencePhase, a.Mask, h, w),
		FRC:       ringCorrelation(a.Recon, a.Reference, a.Mask, opt.PixelSizeNM),
	}
}

// Amplitudes are the magnitudes of both, (h, w).
func (a *Aligned) Amplitudes() (recon, reference []float64) {
	return magnitudes(a.Recon), magnitudes(a.Reference)
}

func magnitudes(f *spectrum.Field) []float64 {
	out := make([]float64, len(f.Data))
	for i, v := range f.Data {
		out[i] = cmplx.Abs(v)
	}
	return out
}

// Phases are the phases of both, (h, w), in rad. The reference's has its own ramp and mean removed; the
// reconstruction's is the reference's plus the angle between the two, so that neither jumps where the other does not.
func (a *Aligned) Phases() (recon, reference []float64) {
	flat := a.Reference.Clone()
	for i, counts := range a.Mask {
		if !counts {
			flat.Data[i] = 0
		}
	}
	kr, kc := spectrum.Peak(flat)
	flat.Ramp(-kr, -kc, 0, 0)
	mean := 0i
	for _, v := range flat.Data {
		mean += v
	}
	level := cmplx.Rect(1, -cmplx.Phase(mean))
	turned := a.Reference.Clone()
	turned.Ramp(-kr, -kc, 0, 0)
	recon, reference = make([]float64, len(flat.Data)), make([]float64, len(flat.Data))
	for i, v := range turned.Data {
		reference[i] = cmplx.Phase(v * level)
		recon[i] = reference[i] + cmplx.Phase(a.Recon.Data[i]*cmplx.Conj(a.Reference.Data[i]))
	}
	return recon, reference
}

// maxPSNR stands for the infinity of identical images.
const maxPSNR = 200

// quality compares got with want, (h, w), where mask holds; SSIM's windows are those centred on such a pixel.
func quality(got, want []float64, mask []bool, h, w int) Quality {
	low, high := math.Inf(1), math.Inf(-1)
	var squares, absolutes, n float64
	for i, counts := range mask {
		if counts {
			low, high = min(low, want[i]), max(high, want[i])
			d := got[i] - want[i]
			squares, absolutes, n = squares+d*d, absolutes+math.Abs(d), n+1
		}
	}
	span := high - low
	return Quality{
		SSIM: SSIM(got, want, mask, h, w, span), PSNR: PSNR(squares/n, span),
		RMSE: math.Sqrt(squares / n), MAE: absolutes / n, DataRange: span,
	}
}

// PSNR is 10 log10(peak^2 / mse) in dB, within [-200, 200].
func PSNR(mse, peak float64) float64 {
	if mse == 0 {
		return maxPSNR
	}
	if peak == 0 {
		return -maxPSNR
	}
	return min(max(10*math.Log10(peak*peak/mse), -maxPSNR), maxPSNR)
}
