package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

// DFT is the DFT matrix (N, N) of package physics as constants that are called name_re and name_im.
func DFT(g *gorgonia.ExprGraph, name string, n int) (Pair, error) {
	re, im := optics.DFTMatrix(n)
	reNode, err := program.Constant(g, name+"_re", ndarray.Wrap(re, n, n))
	if err != nil {
		return Pair{}, err
	}
	imNode, err := program.Constant(g, name+"_im", ndarray.Wrap(im, n, n))
	return Pair{Re: reNode, Im: imNode}, err
}
