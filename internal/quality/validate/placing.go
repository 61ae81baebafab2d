package validate

import (
	"cmp"
	"fmt"
	"strings"

	"ptyx/internal/scan/dataset"
)

// placing is a way to turn and mirror positions: axes exchanged first, then flipped, as a dataset.View does.
type placing struct {
	swap, flipX, flipY bool
	assign             string // Python that makes these positions of those of PtychoPINN's layout
}

// placings lists the symmetries of the square, the file's own first.
func placings() []placing {
	return []placing{
		{},
		{false, true, false, "xcoords = -xcoords"},
		{false, false, true, "ycoords = -ycoords"},
		{false, true, true, "xcoords, ycoords = -xcoords, -ycoords"},
		{true, false, false, "xcoords, ycoords = ycoords, xcoords"},
		{true, true, false, "xcoords, ycoords = -ycoords, xcoords"},
		{true, false, true, "xcoords, ycoords = ycoords, -xcoords"},
		{true, true, true, "xcoords, ycoords = -ycoords, -xcoords"},
	}
}

// of places one position.
func (p placing) of(x, y float64) (float64, float64) {
	if p.swap {
		x, y = y, x
	}
	if p.flipX {
		x = -x
	}
	if p.flipY {
		y = -y
	}
	return x, y
}

// name describes the placing in words.
func (p placing) name() string {
	var parts []string
	if p.swap {
		parts = append(parts, "swapped")
	}
	switch {
	case p.flipX && p.flipY:
		parts = append(parts, "both flipped")
	case p.flipX:
		parts = append(parts, "x flipped")
	case p.flipY:
		parts = append(parts, "y flipped")
	}
	return cmp.Or(strings.Join(parts, ", "), "as given")
}

// flags lists the flags that place positions so.
func (p placing) flags() string {
	var flags []string
	for _, f := range []struct {
		set  bool
		name string
	}{{p.swap, "--swap-xy"}, {p.flipX, "--flip-x"}, {p.flipY, "--flip-y"}} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	return strings.Join(flags, " ")
}

// after is this placing of positions that another one has placed, as one.
func (p placing) after(given placing) placing {
	if p.swap {
		given.flipX, given.flipY = given.flipY, given.flipX
	}
	return placing{swap: given.swap != p.swap, flipX: given.flipX != p.flipX, flipY: given.flipY != p.flipY}
}

// placingOf is the placing of a view.
func placingOf(v dataset.View) placing {
	return placing{swap: v.SwapXY, flipX: v.FlipX, flipY: v.FlipY}
}

// fix says how to reach a placing of the scan's positions.
func (x *exam) fix(p placing) string {
	if x.scan.PositionsKey() != coords {
		p.assign = "" // its names are not those of this file
	}
	return p.fix(x.options.View)
}

// fix says how to reach this placing from a view that already turns or mirrors positions.
func (p placing) fix(v dataset.View) string {
	given := placingOf(v)
	if given == (placing{}) {
		if p.assign == "" {
			return "use " + p.flags()
		}
		return fmt.Sprintf("use %s, or save %s", p.flags(), p.assign)
	}
	both := p.after(given)
	if both == (placing{}) {
		return "leave out " + given.flags()
	}
	return fmt.Sprintf("use %s in place of %s", both.flags(), given.flags())
}
