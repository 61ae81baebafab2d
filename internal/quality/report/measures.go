package report

import (
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/grouping"
)

// readMeasures reads the residual of each pattern, the resolution and the size of a pixel.
func (r *Reconstruction) readMeasures(file *npz.Reader) (err error) {
	for _, c := range []struct {
		key  string
		into *[]float64
	}{
		{keyMisfits, &r.misfits}, {evaluate.KeyFRCFrequency, &r.frc.Frequency}, {evaluate.KeyFRC, &r.frc.Correlation},
		{evaluate.KeyFRCHalfBit, &r.frc.HalfBit},
	} {
		if file.Has(c.key) {
			if *c.into, err = file.Float64s(c.key); err != nil {
				return err
			}
		}
	}
	if file.Has(reconstruct.KeyPixelNM) {
		v, err := file.Float64s(reconstruct.KeyPixelNM)
		if err != nil {
			return err
		}
		if len(v) != 1 || !(v[0] > 0) || !finite(v[0]) {
			return r.fault(reconstruct.KeyPixelNM, fmt.Sprint(v), "one positive number of nanometres")
		}
		r.pixelNM = v[0]
	}
	if file.Has(evaluate.KeyResolution) {
		if r.resolution, err = file.Float32(evaluate.KeyResolution); err != nil {
			return err
		}
	}
	return r.checkMeasures()
}

// checkMeasures compares the lengths of what readMeasures has read.
func (r *Reconstruction) checkMeasures() error {
	if r.misfits != nil && (r.Object.Scan == nil || len(r.misfits) != len(r.Object.Scan.X)) {
		return r.fault(keyMisfits, fmt.Sprintf("%d values", len(r.misfits)), "as many as there are positions")
	}
	rings := len(r.frc.Frequency)
	if len(r.frc.Correlation) != rings || len(r.frc.HalfBit) != rings {
		return r.fault(evaluate.KeyFRC, fmt.Sprintf("%d values", len(r.frc.Correlation)),
			fmt.Sprintf("%d, as many as %s", rings, evaluate.KeyFRCFrequency))
	}
	if r.resolution != nil && !slices.Equal(r.resolution.Shape, r.Object.Object.Shape) {
		return r.fault(evaluate.KeyResolution, fmt.Sprintf("shape %v", r.resolution.Shape),
			fmt.Sprintf("%v, the object's", r.Object.Object.Shape))
	}
	if rings > 0 {
		r.frc.FindCutoffs(r.pixelNM)
	}
	return nil
}

// measures lists what the probe, the positions and the coverage say about the experiment.
func (r *Reconstruction) measures() []Row {
	rows := append(r.resolved(), r.sampling()...)
	if len(r.misfits) > 0 {
		sorted := slices.Sorted(slices.Values(r.misfits))
		rows = append(rows, Row{"worst pattern", number(sorted[len(sorted)-1]),
			fmt.Sprintf("residual of number %d; the median is %s",
				slices.Index(r.misfits, sorted[len(sorted)-1]), number(sorted[len(sorted)/2]))})
	}
	return rows
}

// resolved states the resolution.
func (r *Reconstruction) resolved() []Row {
	if len(r.frc.Frequency) == 0 {
		return nil
	}
	cut := r.frc.AtHalfBit
	if cut.BelowFirstRings {
		return []Row{{"resolution", "none", "the halves of the scan agree on nothing"}}
	}
	note := fmt.Sprintf("half period where the halves of the scan fall to half a bit; to 1/7 at %.3g pixels",
		r.frc.AtSeventh.HalfPeriod)
	return []Row{{"resolution", r.length(cut.HalfPeriod), note}}
}

// length is a number of pixels, with its nanometres if the pixel is known.
func (r *Reconstruction) length(pixels float64) string {
	if r.pixelNM > 0 {
		return fmt.Sprintf("%.3g pixels, %.3g nm", pixels, pixels*r.pixelNM)
	}
	return fmt.Sprintf("%.3g pixels", pixels)
}

// sampling compares the probe with its frame and with the steps of the scan, and states the light.
func (r *Reconstruction) sampling() []Row {
	if r.probe == nil {
		return nil
	}
	width := optics.Diameter(r.probe)
	if !(width > 0) {
		return nil
	}
	n := r.probe.Shape[len(r.probe.Shape)-1]
	rows := []Row{
		{"probe width", r.length(width), "diameter of an even disc with the probe's light and brightness"},
		{"oversampling", fmt.Sprintf("%.3g", float64(n)/width),
			"side of the frame over the probe's width: along an axis; below 2, a single pattern is undersampled"},
	}
	if r.Object.Scan != nil && len(r.Object.Scan.X) > 1 {
		step := grouping.MedianDistance(r.Object.Scan.X, r.Object.Scan.Y)
		rows = append(rows,
			Row{"step", r.length(step), "median distance of a position to its nearest neighbour"},
			Row{"overlap", fmt.Sprintf("%.0f %%", 100*(1-step/width)), "linear: 1 − step / probe width"})
	}
	return append(rows, r.light(optics.Light(r.probe))...)
}

// light states photons and fluence. The probe is in roots of the patterns' counts, so |P|^2 are photons per pixel.
func (r *Reconstruction) light(light []float64) []Row {
	power := 0.0
	for _, v := range light {
		power += v
	}
	rows := []Row{{"photons", fmt.Sprintf("%.3g", power), "of the probe, in the unit of the patterns' intensities"}}
	coverage := r.Object.Coverage
	if coverage == nil {
		return rows
	}
	covered := slices.DeleteFunc(slices.Clone(coverage.Data), func(v float32) bool { return !(v > 0) })
	if len(covered) == 0 {
		return rows
	}
	slices.Sort(covered)
	bright := slices.IndexFunc(covered, func(v float32) bool { return v >= wellCovered*covered[len(covered)*9/10] })
	typical := float64(covered[(bright+len(covered))/2])
	fluence := typical * slices.Max(light)
	area := ""
	if nm := r.pixelNM; nm > 0 {
		area = fmt.Sprintf(", %.3g per µm²", fluence/(nm*nm)*1e6)
	}
	return append(rows,
		Row{"coverage", fmt.Sprintf("%.3g", typical),
			"median where the object is well lit, in patches at the probe's peak"},
		Row{"fluence", fmt.Sprintf("%.3g per pixel%s", fluence, area), "photons of all patterns: coverage times peak"})
}

// wellCovered is the share of the usual coverage below which a pixel does not count, as in ptyx eval.
const wellCovered = 0.1

// misfitMap gives each pixel of the object the residual of the nearest pattern, if that is within a step; nil if no
// residuals are known.
func (r *Reconstruction) misfitMap() *ndarray.Float32 {
	if len(r.misfits) < 2 {
		return nil
	}
	x, y := r.Object.Scan.X, r.Object.Scan.Y
	height, width := r.Object.Object.Shape[0], r.Object.Object.Shape[1]
	out, nearest := ndarray.New[float32](height, width), make([]float32, height*width)
	reach := spacing(x, y)
	for i, misfit := range r.misfits {
		row, col := y[i]-float64(r.Object.Row), x[i]-float64(r.Object.Col)
		for a := max(0, int(math.Ceil(row-reach))); a < height && float64(a) <= row+reach; a++ {
			for b := max(0, int(math.Ceil(col-reach))); b < width && float64(b) <= col+reach; b++ {
				distance := float32(1 + math.Hypot(float64(a)-row, float64(b)-col))
				if at := a*width + b; nearest[at] == 0 || distance < nearest[at] {
					nearest[at], out.Data[at] = distance, float32(misfit)
				}
			}
		}
	}
	return out
}
