package solve

import "slices"

// joint finds the moves of all positions at once, with the object that follows them. A pattern alone asks for its
// distance from the object, which is the mean of all patches. If a complete region is displaced, its object follows,
// and the patterns inside ask for nothing: a wrong rotation or a slow drift would take thousands of passes.
//
// So least squares finds the moves u and the change dO of the object together: the smallest
// sum_j |P (dO + u_j . grad O) - chi_j|^2. Its object is dO = (sum_j conj(P) chi_j - sum_j |P|^2 u_j . grad O) / W with
// W = sum_j |P|^2. Put in, equations for the moves alone remain. Subpixel shifts of the probe are neglected, as for the
// step lengths.
type joint struct {
	*positions
	u                        []float64    // (2M), moves: rows, columns of each pattern
	light                    []float32    // (N, N), |P|^2 of the present probe where it counts, else 0
	top, left, bottom, right int          // of the part of a patch with that light
	illumination             []float32    // (H, W) of the canvas, W with a floor
	products                 [3][]float32 // (H, W), slopes of the object times each other over W: yy, xx, yx
	field                    [2][]float32 // (H, W), work space: rows, columns
}

const (
	jointSteps = 30   // of conjugate gradients, at most
	jointExact = 1e-3 // share of the equations' right side that may remain
	jointLight = 1e-3 // of the probe's peak, below which its light does not count
)

func newJoint(p *positions) *joint {
	size := len(p.object.re)
	j := &joint{positions: p, u: make([]float64, 2*len(p.x)), light: make([]float32, p.n*p.n)}
	for _, plane := range []*[]float32{
		&j.illumination, &j.products[0], &j.products[1], &j.products[2], &j.field[0], &j.field[1],
	} {
		*plane = make([]float32, size)
	}
	return j
}

// solve finds the moves from the forces of all patterns and the sum of conj(P) chi, by conjugate gradients. The move of
// each pattern alone preconditions them.
func (j *joint) solve(gradient *plane, light []float32) {
	j.illuminate(light)
	j.differentiate()
	residual := j.forced(gradient)
	step, product := make([]float64, len(j.u)), make([]float64, len(j.u))
	j.alone(residual, step)
	clear(j.u)
	direction, norm := slices.Clone(step), inner(residual, step)
	first := norm
	for range jointSteps {
		if !(norm > jointExact*jointExact*first) {
			break
		}
		j.curve(direction, product)
		length := norm / inner(direction, product)
		if !(length > 0) || !finite(length) {
			break
		}
		for i, d := range direction {
			j.u[i] += length * d
			residual[i] -= length * product[i]
		}
		j.alone(residual, step)
		before := norm
		norm = inner(residual, step)
		for i, s := range step {
			direction[i] = s + norm/before*direction[i]
		}
	}
	j.limit()
}

// illuminate takes the light of the probe, and sums it on the canvas.
func (j *joint) illuminate(light []float32) {
	copy(j.light, light)
	least := jointLight * slices.Max(light)
	j.top, j.left, j.bottom, j.right = j.n, j.n, 0, 0
	for q, w := range light {
		if r, c := q/j.n, q%j.n; w > least {
			j.top, j.bottom = min(j.top, r), max(j.bottom, r+1)
			j.left, j.right = min(j.left, c), max(j.right, c+1)
		} else {
			j.light[q] = 0
		}
	}
	for i := range j.illumination {
		j.illumination[i] = least
	}
	for _, id := range j.lit {
		j.rows(id, func(canvas, patch, width int) { add(j.illumination[canvas:][:width], j.light[patch:][:width]) })
	}
}

// rows calls do for each row of a patch that has light: with its first pixels on the canvas and on the patch.
func (j *joint) rows(id int, do func(canvas, patch, width int)) {
	at := j.at(id)
	for r := j.top; r < j.bottom; r++ {
		do(at+r*j.object.width+j.left, r*j.n+j.left, j.right-j.left)
	}
}

// slopes calls do for each pixel inside the canvas with the slopes of the object along rows and columns.
func (j *joint) slopes(do func(i int, yr, yi, xr, xi float32)) {
	width, re, im := j.object.width, j.object.re, j.object.im
	for i := width; i < len(re)-width; i++ {
		do(i, (re[i+width]-re[i-width])/2, (im[i+width]-im[i-width])/2, (re[i+1]-re[i-1])/2, (im[i+1]-im[i-1])/2)
	}
}

func (j *joint) differentiate() {
	j.slopes(func(i int, yr, yi, xr, xi float32) {
		share := 1 / j.illumination[i]
		j.products[0][i], j.products[1][i] = share*(yr*yr+yi*yi), share*(xr*xr+xi*xi)
		j.products[2][i] = share * (yr*xr + yi*xi)
	})
}

// forced is the right side of the equations, (2M): what each pattern asks for, without the share that the object takes.
func (j *joint) forced(gradient *plane) []float64 {
	j.slopes(func(i int, yr, yi, xr, xi float32) {
		re, im := gradient.re[i]/j.illumination[i], gradient.im[i]/j.illumination[i]
		j.field[0][i], j.field[1][i] = yr*re+yi*im, xr*re+xi*im
	})
	out := make([]float64, len(j.u))
	for _, id := range j.lit {
		y, x := j.gather(id)
		out[2*id], out[2*id+1] = j.forces[id].y-y, j.forces[id].x-x
	}
	return out
}

// alone solves for the moves with the object as it is.
func (j *joint) alone(forced, moves []float64) {
	for _, id := range j.lit {
		f := j.forces[id]
		f.y, f.x = forced[2*id], forced[2*id+1]
		moves[2*id], moves[2*id+1] = f.move()
	}
}

// curve multiplies moves by the matrix of the equations.
func (j *joint) curve(u, out []float64) {
	j.spread(u)
	for i, y := range j.field[0] {
		x, yx := j.field[1][i], j.products[2][i]
		j.field[0][i], j.field[1][i] = j.products[0][i]*y+yx*x, yx*y+j.products[1][i]*x
	}
	for _, id := range j.lit {
		f, uy, ux := j.forces[id], u[2*id], u[2*id+1]
		y, x := j.gather(id)
		out[2*id], out[2*id+1] = f.yy*uy+f.yx*ux-y, f.yx*uy+f.xx*ux-x
	}
}

// spread sums |P|^2 u of all patterns on the canvas.
func (j *joint) spread(u []float64) {
	clear(j.field[0])
	clear(j.field[1])
	for _, id := range j.lit {
		uy, ux := float32(u[2*id]), float32(u[2*id+1])
		j.rows(id, func(canvas, patch, width int) {
			ys, xs := j.field[0][canvas:][:width], j.field[1][canvas:][:width]
			for c, w := range j.light[patch:][:width] {
				ys[c] += w * uy
				xs[c] += w * ux
			}
		})
	}
}

// gather sums |P|^2 times the field over a patch.
func (j *joint) gather(id int) (y, x float64) {
	j.rows(id, func(canvas, patch, width int) {
		ys, xs := j.field[0][canvas:][:width], j.field[1][canvas:][:width]
		var sumY, sumX float32
		for c, w := range j.light[patch:][:width] {
			sumY += w * ys[c]
			sumX += w * xs[c]
		}
		y, x = y+float64(sumY), x+float64(sumX)
	})
	return y, x
}

// limit bounds the moves, and removes their mean, which would move the object alone.
func (j *joint) limit() {
	for axis := range 2 {
		mean := 0.0
		for _, id := range j.lit {
			v := &j.u[2*id+axis]
			*v = j.shortened(*v)
			mean += *v / float64(len(j.lit))
		}
		for _, id := range j.lit {
			j.u[2*id+axis] -= mean
		}
	}
}

// apply makes the moves, and moves the object with its patches, by the mean of their moves.
func (j *joint) apply() {
	for _, id := range j.lit {
		j.y[id] += j.u[2*id]
		j.x[id] += j.u[2*id+1]
	}
	j.spread(j.u)
	re, im := j.products[0], j.products[1] // no longer needed
	j.slopes(func(i int, yr, yi, xr, xi float32) {
		y, x := j.field[0][i]/j.illumination[i], j.field[1][i]/j.illumination[i]
		re[i], im[i] = y*yr+x*xr, y*yi+x*xi
	})
	subtract(j.object.re, re)
	subtract(j.object.im, im)
}

func inner(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
