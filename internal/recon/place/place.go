// Package place finds the positions of a scan from patches of single patterns, which need no position: a network makes
// them from a pattern and the probe. Patches of neighbours are registered with each other, and robust least squares
// turns the shifts of all pairs into positions. Errors of the positions may be as wide as the probe.
package place

import (
	"context"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/grouping"
)

// Patches are what is known of single patterns.
type Patches struct {
	N      int
	Object []complex64 // (M, N, N), each with a phase of its own
	Weight []float64   // (N, N), how well the pixels of a patch are known, 0 to 1
	X, Y   []float64   // (M), centres as given, object pixels
}

// Placement is the result.
type Placement struct {
	X, Y   []float64 // (M)
	Pairs  int       // neighbours that were compared
	Spread float64   // median distance of a pair's shift from that of the positions found, pixels
	Given  float64   // and from that of the positions as given
}

// A round compares every pattern with its neighbours, and solves for the positions.
type round struct {
	neighbours int
	reach      float64 // of a pair's shift from the expected one, in widths of the frame
	narrow     float64 // tolerance of the last solution, pixels
}

// rounds first allow for any error, then refine.
func rounds() []round { return []round{{12, 0.4, 1}, {12, 0.05, 0.5}} }

// Find finds the positions. The mean position stays as given.
func Find(ctx context.Context, p Patches) (*Placement, error) {
	found := &Placement{X: slices.Clone(p.X), Y: slices.Clone(p.Y)}
	p.withoutCommon()
	sheets := p.sheets()
	for _, r := range rounds() {
		edges, err := p.compare(ctx, sheets, found, r)
		if err != nil {
			return nil, err
		}
		solve(found.X, found.Y, edges, float64(p.N)/8, r.narrow)
		centre(found.X, p.X)
		centre(found.Y, p.Y)
		found.Pairs = len(edges)
		found.Spread, found.Given = median(edges, found.X, found.Y), median(edges, p.X, p.Y)
	}
	return found, nil
}

func (p Patches) sheets() []sheet {
	size := p.N * p.N
	sheets := make([]sheet, len(p.X))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range sheets {
		g.Go(func() error {
			sheets[i] = newSheet(spectrum.NewTransform(p.N, p.N), p.Weight, p.Object[i*size:(i+1)*size])
			return nil
		})
	}
	_ = g.Wait() // no error
	return sheets
}

// edge is the measured shift from pattern a to pattern b, with its weight.
type edge struct {
	a, b         int
	dy, dx, gain float64
}

// compare measures the shifts of all pairs of neighbours.
func (p Patches) compare(ctx context.Context, sheets []sheet, at *Placement, r round) ([]edge, error) {
	lists := grouping.Nearest(at.X, at.Y, r.neighbours)
	found := make([][]edge, len(lists))
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			m := newMatcher(p.N, p.Weight)
			for a := w; a < len(lists); a += workers {
				for _, b := range lists[a] {
					if b < a && slices.Contains(lists[b], a) {
						continue // the pair is b's
					}
					if err := ctx.Err(); err != nil {
						return err
					}
					e := edge{a: a, b: b}
					e.dy, e.dx, e.gain = m.match(sheets[a], sheets[b], at.Y[b]-at.Y[a], at.X[b]-at.X[a],
						r.reach*float64(p.N))
					if e.gain > 0 {
						found[a] = append(found[a], e)
					}
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

// median is the median distance between the shifts of the edges and those of positions.
func median(edges []edge, x, y []float64) float64 {
	if len(edges) == 0 {
		return 0
	}
	distances := make([]float64, len(edges))
	for i, e := range edges {
		distances[i] = math.Hypot(y[e.b]-y[e.a]-e.dy, x[e.b]-x[e.a]-e.dx)
	}
	slices.Sort(distances)
	return distances[len(distances)/2]
}

// centre gives positions along an axis the mean of others.
func centre(v, as []float64) {
	sum := 0.0
	for i := range v {
		sum += as[i] - v[i]
	}
	for i := range v {
		v[i] += sum / float64(len(v))
	}
}

// StretchedAs are the positions found with the linear map, from the mean position, of others: their scale, rotation and
// shear. Patches of a network may be larger than the object by a few percent. The error of a stage that is wrong at
// random, from pattern to pattern, hardly stretches a scan of many.
func (p *Placement) StretchedAs(x, y []float64) (outX, outY []float64) {
	return stretched(p.X, p.Y, x), stretched(p.Y, p.X, y)
}

// stretched adds to positions v along an axis the plane in (v, w) that fits the differences of others from them.
func stretched(v, w, as []float64) []float64 {
	out, mv, mw := slices.Clone(v), mean(v), mean(w)
	onV, onW := fit(v, w, differences(as, v))
	for i := range out {
		out[i] += onV*(v[i]-mv) + onW*(w[i]-mw)
	}
	return out
}

// SizedAs are the positions found with the scales and the shear of others, the symmetric part of the linear map between
// them. A rotation stays.
func (p *Placement) SizedAs(x, y []float64) (outX, outY []float64) {
	xx, xy := fit(x, y, differences(p.X, x))
	yy, yx := fit(y, x, differences(p.Y, y))
	outX, outY = slices.Clone(p.X), slices.Clone(p.Y)
	shear, mx, my := (xy+yx)/2, mean(x), mean(y)
	for i := range x {
		outX[i] -= xx*(x[i]-mx) + shear*(y[i]-my)
		outY[i] -= yy*(y[i]-my) + shear*(x[i]-mx)
	}
	return outX, outY
}

func differences(a, b []float64) []float64 {
	out := slices.Clone(a)
	for i, v := range b {
		out[i] -= v
	}
	return out
}

// fit are the slopes of the plane in (v, w) that fits d; 0 for positions on a line.
func fit(v, w, d []float64) (onV, onW float64) {
	mv, mw, md := mean(v), mean(w), mean(d)
	var vv, ww, vw, dv, dw float64
	for i := range v {
		a, b, c := v[i]-mv, w[i]-mw, d[i]-md
		vv, ww, vw = vv+a*a, ww+b*b, vw+a*b
		dv, dw = dv+a*c, dw+b*c
	}
	det := vv*ww - vw*vw
	if !(det > 1e-6*vv*ww) {
		return 0, 0
	}
	return (dv*ww - dw*vw) / det, (dw*vv - dv*vw) / det
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, a := range v {
		sum += a
	}
	return sum / float64(len(v))
}
