package reconstruct

// excessFit finds the factors a, b of at least 0 for which a A + b B is the excess E of each pattern.
type excessFit struct{ e, a, b []float64 }

func (f *excessFit) add(excess, a, b float64) {
	f.e, f.a, f.b = append(f.e, excess), append(f.a, a), append(f.b, b)
}

// The fit weights a pattern by 1 / (its excess + the mean one)^2, so that those of large errors do not decide alone.
const fitRounds = 10

// solve returns the factors; 1 and 0 without a pattern.
func (f *excessFit) solve() (a, b float32) {
	if len(f.e) == 0 {
		return 1, 0
	}
	mean := 0.0
	for _, v := range f.e {
		mean += v / float64(len(f.e))
	}
	weights := make([]float64, len(f.e))
	for i := range weights {
		weights[i] = 1
	}
	best := f.weighted(weights)
	for range fitRounds {
		for i := range weights {
			scale := best[0]*f.a[i] + best[1]*f.b[i] + max(mean, 0)
			if !(scale > 0) {
				return 0, 0 // the patterns show no error beyond noise
			}
			weights[i] = 1 / (scale * scale)
		}
		best = f.weighted(weights)
	}
	return float32(best[0]), float32(best[1])
}

// weighted is the least-squares solution among factors of at least 0.
func (f *excessFit) weighted(weights []float64) [2]float64 {
	var aa, ab, bb, ea, eb float64
	for i, w := range weights {
		aa, ab, bb = aa+w*f.a[i]*f.a[i], ab+w*f.a[i]*f.b[i], bb+w*f.b[i]*f.b[i]
		ea, eb = ea+w*f.e[i]*f.a[i], eb+w*f.e[i]*f.b[i]
	}
	both := [2]float64{quotient(ea*bb-eb*ab, aa*bb-ab*ab), quotient(eb*aa-ea*ab, aa*bb-ab*ab)}
	if both[0] >= 0 && both[1] >= 0 && aa*bb-ab*ab > 1e-9*aa*bb {
		return both
	}
	onlyA, onlyB := [2]float64{max(0, quotient(ea, aa)), 0}, [2]float64{0, max(0, quotient(eb, bb))}
	if gain := func(x [2]float64) float64 { // by which the sum of squares is below that of factors of 0
		return 2*(x[0]*ea+x[1]*eb) - x[0]*x[0]*aa - x[1]*x[1]*bb
	}; gain(onlyB) > gain(onlyA) {
		return onlyB
	}
	return onlyA
}

// quotient is a / b, 0 for b = 0.
func quotient(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
