package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

// DFT is the DFT matrix (N, N) of package physics as constants that are called name_re and name_im.
func DFT(g *gorgonia.ExprGraph, name string, n int) Pair {
	re, im := optics.DFTMatrix(n)
	return Pair{
		program.Constant(g, name+"_re", ndarray.Wrap(re, n, n)),
		program.Constant(g, name+"_im", ndarray.Wrap(im, n, n)),
	}
}
