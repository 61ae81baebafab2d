package trend

import "context"

const (
	// lit is the share of the light of the brightest bin that is taken to lie on all.
	lit = 1e-4
	// tolerance is the norm of the residual (with the preconditioner), relative to the first, at which a field is
	// found, and mostSteps the number of steps that it may take.
	tolerance, mostSteps = 1e-7, 10000
)

// grid is the shape of the fields of a Map.
type grid struct{ height, width int }

func (g grid) size() int { return g.height * g.width }

// relative is the light relative to that of the brightest bin, positive everywhere.
func relative(light []float64, brightest float64) []float64 {
	out := make([]float64, len(light))
	for i, w := range light {
		out[i] = lit
		if brightest > 0 {
			out[i] += w / brightest
		}
	}
	return out
}

// integrate finds the field whose differences between neighbouring bins are the slopes of a layer, and which is near
// its level. It minimises the sum of w (difference - slope)^2 + hold w (field - level)^2 by conjugate gradients, with
// the diagonal as preconditioner: the weights span orders of magnitude.
func (g grid) integrate(ctx context.Context, w []float64, l *layer, hold float64) ([]float64, error) {
	field, residual := make([]float64, g.size()), g.wanted(w, l, hold)
	direction, image := make([]float64, g.size()), make([]float64, g.size())
	diagonal := g.diagonal(w, hold)
	now := 0.0
	for i, r := range residual {
		direction[i] = r / diagonal[i]
		now += r * direction[i]
	}
	for first, step := now, 0; now > tolerance*tolerance*first && step < mostSteps; step++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g.apply(image, direction, w, hold)
		product := 0.0
		for i, d := range direction {
			product += d * image[i]
		}
		length, before := now/product, now
		now = 0
		for i, d := range direction {
			field[i] += length * d
			residual[i] -= length * image[i]
			now += residual[i] * residual[i] / diagonal[i]
		}
		for i, r := range residual {
			direction[i] = r/diagonal[i] + now/before*direction[i]
		}
	}
	return field, nil
}

// diagonal is that of the normal equations.
func (g grid) diagonal(w []float64, hold float64) []float64 {
	out := make([]float64, g.size())
	for i, v := range w {
		out[i] = hold * v
	}
	g.pairs(func(i, j int, _ bool) {
		out[i], out[j] = out[i]+(w[i]+w[j])/2, out[j]+(w[i]+w[j])/2
	})
	return out
}

// wanted is the right side of the normal equations.
func (g grid) wanted(w []float64, l *layer, hold float64) []float64 {
	out := make([]float64, g.size())
	for i, v := range l.level {
		out[i] = hold * w[i] * v
	}
	g.pairs(func(i, j int, down bool) {
		slopes := l.columns
		if down {
			slopes = l.rows
		}
		flow := (w[i] + w[j]) / 2 * (slopes[i] + slopes[j]) / 2
		out[i], out[j] = out[i]-flow, out[j]+flow
	})
	return out
}

// apply writes the left side of the normal equations for a field. Most time is spent here, so it visits the pairs
// without a call for each.
func (g grid) apply(out, field, w []float64, hold float64) {
	for i, v := range field {
		out[i] = hold * w[i] * v
	}
	for row := range g.height {
		for col := 1; col < g.width; col++ {
			j := row*g.width + col
			flow := (w[j-1] + w[j]) / 2 * (field[j] - field[j-1])
			out[j-1], out[j] = out[j-1]-flow, out[j]+flow
		}
	}
	for j := g.width; j < len(field); j++ {
		i := j - g.width
		flow := (w[i] + w[j]) / 2 * (field[j] - field[i])
		out[i], out[j] = out[i]-flow, out[j]+flow
	}
}

// pairs visits all pairs of neighbouring bins: one below the other, or one right of the other.
func (g grid) pairs(visit func(i, j int, down bool)) {
	for row := range g.height {
		for col := range g.width {
			i := row*g.width + col
			if row+1 < g.height {
				visit(i, i+g.width, true)
			}
			if col+1 < g.width {
				visit(i, i+1, false)
			}
		}
	}
}
