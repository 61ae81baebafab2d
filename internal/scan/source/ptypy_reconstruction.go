package source

import "fmt"

// ptypyReconstruction is a .ptyr file, the result of PtyPy: object and probe, and the positions if they were saved. Of
// several scans, the first in the order of their names is read.
var ptypyReconstruction = layout{
	name:  "PtyPy reconstruction",
	signs: []string{"content/obj", "content/probe"},
	read: func(r *reader) {
		f := &r.Facts
		if object := r.firstIn("content/obj"); object != "" {
			r.take(Object, object+"data")
			var kiloEV float64
			r.number(&kiloEV, object+"_energy")
			f.EnergyEV = 1e3 * kiloEV
			f.PixelY, f.PixelX = r.pair(object + "_psize")
			if r.has(object + "_origin") {
				var at Point
				at.Y, at.X = r.pair(object + "_origin")
				f.Origin = &at
			}
		}
		if probe := r.firstIn("content/probe"); probe != "" {
			r.take(Probe, probe+"data")
		}
		r.ptypyPositions()
	},
}

// firstIn is the path of the first group in a group, with a slash behind it; empty if there is none.
func (r *reader) firstIn(group string) string {
	names, is := r.insideOf(group)
	if !is || len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s/%s/", group, names[0])
}

// ptypyPositions takes the positions, (M, 2) as row and column.
func (r *reader) ptypyPositions() {
	names, is := r.insideOf("content/positions")
	if !is || len(names) == 0 {
		return
	}
	place, points, shape := r.values("content/positions/" + names[0])
	if len(shape) != 2 || shape[1] != 2 {
		return
	}
	x, y := make([]float64, shape[0]), make([]float64, shape[0])
	for i := range x {
		y[i], x[i] = points[2*i], points[2*i+1]
	}
	r.metres(place, x, y)
}
