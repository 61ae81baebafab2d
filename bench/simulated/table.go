package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"ptyx/bench/docs"
)

// photonTable has a row for each cell: medians over the seeds, and for correlation and phase the range.
func photonTable(cells []*cell) string {
	var t strings.Builder
	t.WriteString("| object | gridsize | photons | correlation | SSIM of the phase | SSIM of the amplitude " +
		"| PSNR of phase, amplitude (dB) | resolution (cycles/pixel) | phase SSIM, PtychoPINN's " +
		"| refined: phase SSIM, resolution |\n")
	t.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, c := range cells {
		correlation := func(m measures) float64 { return m.Correlation }
		phase := func(m measures) float64 { return m.SSIMPhase }
		resolution := func(m measures) float64 { return m.Resolution }
		after := "–"
		if v := c.values(refined, phase); len(v) > 0 {
			after = fmt.Sprintf("%.3f, %.2f", median(v), median(c.values(refined, resolution)))
		}
		fmt.Fprintf(&t, "| %s | %d | %s | %s | %s | %.3f | %.1f, %.1f | %.2f | %.3f | %s |\n", c.kind, c.gridsize,
			power(c.photons),
			ranged(c.values(plain, correlation)), ranged(c.values(plain, phase)),
			median(c.values(plain, func(m measures) float64 { return m.SSIMAmplitude })),
			median(c.values(plain, func(m measures) float64 { return m.PSNRPhase })),
			median(c.values(plain, func(m measures) float64 { return m.PSNRAmplitude })),
			median(c.values(plain, resolution)),
			median(c.values(plain, func(m measures) float64 { return m.PINNSSIMPhase })), after)
	}
	return t.String()
}

// ranged is the median, and the lowest and highest of several values.
func ranged(v []float64) string {
	if len(v) == 1 {
		return fmt.Sprintf("%.3f", v[0])
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", median(v), slices.Min(v), slices.Max(v))
}

// median is NaN of nothing.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// power writes a power of ten.
func power(v float64) string {
	digits := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	text := "10"
	for _, d := range fmt.Sprint(math.Round(math.Log10(v))) {
		text += string(digits[d-'0'])
	}
	return text
}

// insert puts a text between the marks of its part in results.md.
func (b *bench) insert(part, text string) error {
	return docs.Insert(filepath.Join(b.docs, "results.md"), "make results", part, text)
}
