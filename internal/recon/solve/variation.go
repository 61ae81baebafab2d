package solve

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
)

// Variation of the probe.
const (
	variationFrom = 3 // first pass in which the probe varies, if the object started empty
	// variationShare is the share of the least-squares step of the weights: object and probe explain the same residual,
	// so a longer step can make it rise (docs/dev/decisions.md).
	variationShare = 0.25
	flickerSpread  = 0.25 // standard deviation of the intensity's root, about 1
)

// variation is a probe that changes from pattern to pattern (orthogonal probe relaxation, Odstrcil et al., Opt. Express
// 24, 8360, 2016). Pattern m has the modes w_m0 P_k, and its first one also sum_v w_mv V_v. The variable modes V_v
// follow the K modes in the state's probe and move with them. The paper finds them by a singular value decomposition of
// all probes of the scan. Here each pass makes a step of V for the weights, then least squares gives each pattern its
// weights for V: this is an iteration towards the same subspace, and a pattern costs 1 + V numbers of memory.
//
// After each pass, the weights of the patterns with light are orthogonal with mean square 1. The mean light of all
// patterns is then the sum of the planes' squares, as for incoherent modes, and the dampings and step lengths of those
// hold.
type variation struct {
	*state
	modes    int       // V
	flicker  bool      // w_m0 is found; otherwise it is 1
	weights  []float64 // (M, 1+V)
	proposed []float64 // (M, 1+V), changes by the patterns of a batch
}

// newVariation starts from variable modes that are 0 and weights that are random. The first step of the modes is then a
// random projection of all residuals.
func newVariation(s *state) *variation {
	v := &variation{state: s, modes: s.options.OPR, flicker: s.options.Flicker}
	if v.modes == 0 && !v.flicker {
		return nil
	}
	v.weights, v.proposed = make([]float64, len(s.x)*v.columns()), make([]float64, len(s.x)*v.columns())
	r := stream.New(s.options.Seed, "solve/opr")
	for id := range s.x {
		w := v.of(id)
		w[0] = 1
		for i := range w[1:] {
			w[1+i] = r.NormFloat64()
		}
	}
	return v
}

// columns is the number of weights of a pattern.
func (v *variation) columns() int { return 1 + v.modes }

// of are the weights of pattern id, (1+V).
func (v *variation) of(id int) []float64 { return v.weights[id*v.columns():][:v.columns()] }

// varies reports whether the probe may vary in a pass.
func (s *state) varies(pass int) bool {
	return s.variation != nil && (pass >= variationFrom || s.hasObject)
}

// mix fills the factors of a pattern's modes, (K, K+V): row k times the planes of the probe is mode k.
func (v *variation) mix(id int, to []float32) {
	clear(to)
	w, k := v.of(id), v.options.Modes
	for mode := range k {
		to[mode*(k+v.modes)+mode] = float32(w[0])
	}
	for i, factor := range w[1:] {
		to[k+i] = float32(factor)
	}
}

// propose computes the change of a pattern's weights by least squares, from the gradient by its factors, (K, K+V), and
// its patch of the object, (N, N).
func (v *variation) propose(id int, factors, objectRe, objectIm []float32) {
	columns, k := v.columns(), v.options.Modes
	right, curvature := mat.NewVecDense(columns, nil), mat.NewSymDense(columns, nil)
	w, slopes := v.of(id), make([]float64, columns)
	for mode := range k {
		slopes[0] -= float64(factors[mode*(k+v.modes)+mode])
	}
	for i := range v.modes {
		slopes[1+i] = -float64(factors[k+i])
	}
	v.curvature(objectRe, objectIm, curvature)
	for i, slope := range slopes {
		deviation, centre := 1., 0.
		if i == 0 {
			deviation, centre = flickerSpread, 1
		}
		// The prior counts as one more measurement, as that of positions does.
		pull := v.noise / (deviation * deviation)
		right.SetVec(i, slope-pull*(w[i]-centre))
		curvature.SetSym(i, i, curvature.At(i, i)*(1+1e-6)+pull+math.SmallestNonzeroFloat32)
	}
	if !v.flicker {
		right.SetVec(0, 0)
		for i := 1; i < columns; i++ {
			curvature.SetSym(0, i, 0)
		}
	}
	var solver mat.Cholesky
	var change mat.VecDense
	to := v.proposed[id*columns:][:columns]
	clear(to)
	if !solver.Factorize(curvature) || solver.SolveVecTo(&change, right) != nil {
		return // dark, or modes that are alike under this patch
	}
	for i := range to {
		if d := change.AtVec(i); finite(d) {
			to[i] = variationShare * v.stepShare * d
		}
	}
}

// curvature adds the products of the planes under a patch: sum Re(conj(V_i) V_j) |O|^2, and sum_k |P_k|^2 |O|^2 for the
// intensity.
func (v *variation) curvature(objectRe, objectIm []float32, to *mat.SymDense) {
	size, k := v.n*v.n, v.options.Modes
	plane := func(i int) (re, im []float32) { return v.probeRe.Data[i*size:][:size], v.probeIm.Data[i*size:][:size] }
	product := func(a, b int) (sum float64) {
		ar, ai := plane(a)
		br, bi := plane(b)
		for q, or := range objectRe {
			oi := objectIm[q]
			sum += float64((ar[q]*br[q] + ai[q]*bi[q]) * (or*or + oi*oi))
		}
		return sum
	}
	total := 0.0
	for mode := range k {
		total += product(mode, mode)
	}
	to.SetSym(0, 0, total)
	for i := range v.modes {
		to.SetSym(0, 1+i, product(0, k+i))
		for j := range i + 1 {
			to.SetSym(1+j, 1+i, product(k+j, k+i))
		}
	}
}

// apply makes the proposed changes.
func (v *variation) apply(members []int) {
	for _, id := range members {
		w := v.of(id)
		for i, d := range v.proposed[id*v.columns():][:v.columns()] {
			w[i] += d
		}
	}
}

// normalise makes the weights orthogonal with mean square 1, without a change of any pattern's probe. It changes the
// planes of the probe and, in the same way, those of the pass before.
func (v *variation) normalise() {
	sets := [][2][]float32{v.unknowns().probe}
	if v.memory.last != nil {
		sets = append(sets, v.memory.last.probe)
	}
	// A column less c times another adds c times its plane to the other's.
	for i := 1; i < v.columns(); i++ {
		for j := range i {
			if c := ratio(v.product(i, j), v.product(j, j)); c != 0 {
				v.eachWeight(func(w []float64) { w[i] -= c * w[j] })
				v.addPlane(sets, v.planeOf(j), v.planeOf(i), float32(c))
			}
		}
	}
	for i := range v.columns() {
		root := math.Sqrt(v.product(i, i) / float64(len(v.lit)))
		if i == 0 && !v.flicker || !(root > 0) {
			continue
		}
		v.eachWeight(func(w []float64) { w[i] /= root })
		first, last := v.planeOf(i), v.planeOf(i)+1
		if i == 0 {
			last = v.options.Modes
		}
		v.scalePlanes(sets, first, last, float32(root))
	}
}

// planeOf is the plane of the probe that column i of the weights multiplies.
func (v *variation) planeOf(i int) int {
	if i == 0 {
		return 0
	}
	return v.options.Modes + i - 1
}

// product is sum w_mi w_mj over the patterns with light.
func (v *variation) product(i, j int) (sum float64) {
	v.eachWeight(func(w []float64) { sum += w[i] * w[j] })
	return sum
}

func (v *variation) eachWeight(do func(w []float64)) {
	for _, id := range v.lit {
		do(v.of(id))
	}
}

// addPlane adds c times a plane to another.
func (v *variation) addPlane(sets [][2][]float32, to, from int, c float32) {
	size := v.n * v.n
	for _, set := range sets {
		for _, part := range set {
			for q, value := range part[from*size:][:size] {
				part[to*size+q] += c * value
			}
		}
	}
}

func (v *variation) scalePlanes(sets [][2][]float32, first, last int, factor float32) {
	size := v.n * v.n
	for _, set := range sets {
		for _, part := range set {
			scale(part[first*size:last*size], factor)
		}
	}
}

// orthogonalise turns the variable modes into orthogonal ones, the strongest first. The weights stay orthogonal.
func (v *variation) orthogonalise() {
	if v.modes == 0 {
		return
	}
	size, k := v.n*v.n, v.options.Modes
	products := mat.NewSymDense(v.modes, nil)
	for i := range v.modes {
		for j := range i + 1 {
			products.SetSym(i, j, real(v.modeOverlap(k+i, k+j)))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(products, true) {
		return
	}
	var axes mat.Dense
	eigen.VectorsTo(&axes) // ascending
	turn := func(values []float64) {
		old := slices.Clone(values)
		for i := range values {
			values[i] = 0
			for j, value := range old {
				values[i] += axes.At(j, v.modes-1-i) * value
			}
		}
	}
	v.eachWeight(func(w []float64) { turn(w[1:]) })
	at := make([]float64, v.modes)
	for _, part := range v.unknowns().probe {
		for q := range size {
			for i := range at {
				at[i] = float64(part[(k+i)*size+q])
			}
			turn(at)
			for i, value := range at {
				part[(k+i)*size+q] = float32(value)
			}
		}
	}
}

// finish adds the variable modes and the weights to a solution, in the units of the patterns.
func (v *variation) finish(to *Solution) {
	v.orthogonalise()
	size, k := v.n*v.n, v.options.Modes
	to.Weights = ndarray.New[float32](len(v.x), v.columns())
	for i, w := range v.weights {
		to.Weights.Data[i] = float32(w)
	}
	if v.modes == 0 {
		return
	}
	to.Variable = ndarray.New[complex64](v.modes, v.n, v.n)
	for i := range to.Variable.Data {
		re, im := v.probeRe.Data[k*size+i], v.probeIm.Data[k*size+i]
		to.Variable.Data[i] = complex(re, im) * complex(float32(1/v.scale), 0)
	}
}
