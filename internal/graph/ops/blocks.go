package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// blocksOp moves the pixels of each square of side x side pixels into channels, or back. The order is that of ONNX's
// SpaceToDepth: channel (r*side + q)*C + c holds row r, column q of the squares of channel c.
type blocksOp struct {
	side int
	back bool
}

// SpaceToDepth makes every square of side x side pixels one pixel of more channels:
// (B, C, H, W) -> (B, C*side^2, H/side, W/side).
func SpaceToDepth(x *Node, side int) *Node {
	return apply(fmt.Sprintf("SpaceToDepth{%d}", side), blocksOp{side: side}, x)
}

// DepthToSpace is the inverse of SpaceToDepth: (B, C*side^2, H, W) -> (B, C, H*side, W*side).
func DepthToSpace(x *Node, side int) *Node {
	return apply(fmt.Sprintf("DepthToSpace{%d}", side), blocksOp{side: side, back: true}, x)
}

func (p blocksOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	s, square := in[0], p.side*p.side
	switch {
	case len(s) != 4 || p.side < 1:
		return nil, fmt.Errorf("needs (B, C, H, W) and a side of at least 1")
	case p.back && s[1]%square == 0:
		return tensor.Shape{s[0], s[1] / square, s[2] * p.side, s[3] * p.side}, nil
	case !p.back && s[2]%p.side == 0 && s[3]%p.side == 0:
		return tensor.Shape{s[0], s[1] * square, s[2] / p.side, s[3] / p.side}, nil
	}
	return nil, fmt.Errorf("does not divide into squares of %d x %d", p.side, p.side)
}

func (p blocksOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	fine, coarse := in[0], out
	if p.back {
		fine, coarse = out, in[0]
	}
	channels, height, width := fine.Shape[1], fine.Shape[2], fine.Shape[3]
	for i := range fine.Data {
		col, row, channel, image := i%width, i/width%height, i/(width*height)%channels, i/(width*height*channels)
		deep := (row%p.side*p.side+col%p.side)*channels + channel
		at := ((image*coarse.Shape[1]+deep)*coarse.Shape[2]+row/p.side)*coarse.Shape[3] + col/p.side
		if p.back {
			fine.Data[i] = coarse.Data[at]
		} else {
			coarse.Data[at] = fine.Data[i]
		}
	}
}

func (p blocksOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	if p.back {
		return []*Node{SpaceToDepth(grad, p.side)}
	}
	return []*Node{DepthToSpace(grad, p.side)}
}

func (p blocksOp) Lower(b *onnxir.Builder, c Call) {
	operator := "SpaceToDepth"
	if p.back {
		operator = "DepthToSpace"
	}
	b.Node(operator, c.Out, c.In, onnxir.Int("blocksize", p.side))
}
