package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type padOp struct{ margin int }

// Pad surrounds images with a margin of zeros: (B, C, H, W) -> (B, C, H+2m, W+2m).
func Pad(x *Node, margin int) *Node { return apply(fmt.Sprintf("Pad{%d}", margin), padOp{margin}, x) }

func (p padOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	s := in[0]
	if len(s) != 4 || p.margin < 0 {
		return nil, fmt.Errorf("needs (B, C, H, W) and a margin of at least 0")
	}
	return tensor.Shape{s[0], s[1], s[2] + 2*p.margin, s[3] + 2*p.margin}, nil
}

func (p padOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	copyWindow(in[0].Shape, p.margin, func(inner, outer, n int) {
		copy(out.Data[outer:outer+n], in[0].Data[inner:inner+n])
	})
}

func (p padOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	return []*Node{Crop(grad, p.margin)}
}

func (p padOp) Lower(b *onnxir.Builder, c Call) {
	m := p.margin
	b.Node("Pad", c.Out, []string{c.In[0], b.Int64s(0, 0, m, m, 0, 0, m, m), b.Scalar(0)})
}

type cropOp struct{ margin int }

// Crop takes a margin off images: (B, C, H, W) -> (B, C, H-2m, W-2m). It is the inverse and the gradient of Pad.
func Crop(x *Node, margin int) *Node {
	return apply(fmt.Sprintf("Crop{%d}", margin), cropOp{margin}, x)
}

func (p cropOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	s := in[0]
	if len(s) != 4 || p.margin < 0 || s[2] <= 2*p.margin || s[3] <= 2*p.margin {
		return nil, fmt.Errorf("needs (B, C, H, W) larger than the margins")
	}
	return tensor.Shape{s[0], s[1], s[2] - 2*p.margin, s[3] - 2*p.margin}, nil
}

func (p cropOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	copyWindow(out.Shape, p.margin, func(inner, outer, n int) {
		copy(out.Data[inner:inner+n], in[0].Data[outer:outer+n])
	})
}

func (p cropOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	return []*Node{Pad(grad, p.margin)}
}

func (p cropOp) Lower(b *onnxir.Builder, c Call) {
	m := p.margin
	b.Node("Slice", c.Out, []string{c.In[0], b.Int64s(m, m), b.Int64s(-m, -m), b.Int64s(2, 3)})
}

// copyWindow visits the rows of images of the inner shape, with their places in images with a margin.
func copyWindow(inner []int, margin int, row func(inner, outer, n int)) {
	h, w := inner[2], inner[3]
	outerW := w + 2*margin
	outerPlane := (h + 2*margin) * outerW
	for plane := range inner[0] * inner[1] {
		for r := range h {
			row((plane*h+r)*w, plane*outerPlane+(r+margin)*outerW+margin, w)
		}
	}
}
