package experiments

import (
	"math"

	"ptyx/internal/scan/scenery"
)

// node is the centre of a cell, in pixels, and the cell's thickness.
type node struct{ y, x, value float64 }

// voronoi is cells around random nodes, one in each square of a grid, so that the nearest is in the squares around.
func voronoi(w *workspace, c *scenery.Canvas, scale float64) {
	side := max(3, 1.5*scale)
	w.plant(side, chance(w.Rand, 0.2))
	wall := 0.0
	if chance(w.Rand, 0.4) {
		wall = side * within{0.05, 0.2}.even(w.Rand)
	}
	for i := range c.Data {
		here, beyond, distance := w.cell(float64(i/c.W), float64(i%c.W), side)
		if wall > 0 {
			c.Data[i] = 1 - (1-0.7*here)*scenery.Step((distance-wall)*c.Sharpness)
			continue
		}
		c.Data[i] = beyond + (here-beyond)*scenery.Step(distance*c.Sharpness)
	}
}

// plant draws the nodes.
func (w *workspace) plant(side float64, two bool) {
	f := w.area
	w.nodesWide = int(float64(f.size)/side) + 4
	w.nodes = w.nodes[:0]
	for r := range w.nodesWide {
		for c := range w.nodesWide {
			w.nodes = append(w.nodes, node{
				(float64(r-1) + w.Float64()) * side, (float64(c-1) + w.Float64()) * side, w.value(two),
			})
		}
	}
}

// cell is the thickness of the cell at a place and of the next one, and how far the border is, about.
func (w *workspace) cell(y, x, side float64) (here, beyond, border float64) {
	row, column := int(y/side), int(x/side) // of the square above and left, because nodes begin one square outside
	first, second := math.Inf(1), math.Inf(1)
	for r := row; r < row+3; r++ {
		for _, n := range w.nodes[r*w.nodesWide+column:][:3] {
			dy, dx := n.y-y, n.x-x
			switch d := dy*dy + dx*dx; {
			case d < first:
				first, second, here, beyond = d, first, n.value, here
			case d < second:
				second, beyond = d, n.value
			}
		}
	}
	return here, beyond, (math.Sqrt(second) - math.Sqrt(first)) / 2
}
