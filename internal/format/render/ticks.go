package render

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Ticks are about five marks on an axis, at multiples of 1, 2 or 5 times a power of ten.
func Ticks(low, high float64) []plot.Tick {
	const wanted = 5
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) {
		return nil
	}
	exponent := int(math.Floor(math.Log10(span / wanted)))
	power := math.Pow(10, float64(exponent))
	factor := 10.0
	for _, f := range []float64{1, 2, 5} {
		if span/(f*power) <= wanted+1 {
			factor = f
			break
		}
	}
	if factor == 10 {
		exponent++
	}
	step := factor * power
	var out []plot.Tick
	for k := math.Ceil(low / step); k*step <= high && len(out) <= 2*wanted; k++ {
		out = append(out, plot.Tick{Value: k * step, Label: tickLabel(k*step, exponent)})
	}
	return out
}

// tickLabel prints a multiple of 10^exponent without trailing zeros.
func tickLabel(v float64, exponent int) string {
	if v == 0 {
		return "0" // and never -0
	}
	if exponent < -4 || math.Abs(v) >= 1e7 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(v, 'f', max(0, -exponent), 64)
}
