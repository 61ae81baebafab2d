package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type concatOp struct{}

// Concat joins images along their channels: (B, C1, H, W), (B, C2, H, W), ... -> (B, C1+C2+..., H, W). Joining all
// channels of one image in order returns that image.
func Concat(images ...*Node) *Node {
	if whole := splitImage(images); whole != nil {
		return whole
	}
	return apply("Concat", concatOp{}, images...)
}

// splitImage is the image whose channels the images are, all of them in order; nil if there is none.
func splitImage(images []*Node) *Node {
	var whole *Node
	next := 0
	for _, x := range images {
		part, ok := operandOf[channelsOp](x)
		if !ok || part.op.from != next || whole != nil && part.operand != whole {
			return nil
		}
		whole, next = part.operand, part.op.to
	}
	if whole == nil || next != whole.Shape()[1] {
		return nil
	}
	return whole
}

func (concatOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 || len(in[0]) != 4 {
		return nil, fmt.Errorf("needs images (B, C, H, W)")
	}
	out := in[0].Clone()
	for _, s := range in[1:] {
		if len(s) != 4 || s[0] != out[0] || s[2] != out[2] || s[3] != out[3] {
			return nil, fmt.Errorf("images differ in more than their channels")
		}
		out[1] += s[1]
	}
	return out, nil
}

func (concatOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	at := 0
	for b := range out.Shape[0] {
		for _, x := range in {
			size := len(x.Data) / out.Shape[0]
			at += copy(out.Data[at:], x.Data[b*size:(b+1)*size])
		}
	}
}

func (concatOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	var grads []*Node
	from := 0
	for _, x := range in {
		to := from + x.Shape()[1]
		grads = append(grads, Channels(grad, from, to))
		from = to
	}
	return grads
}

func (concatOp) Lower(b *onnxir.Builder, c Call) {
	b.Node("Concat", c.Out, c.In, onnxir.Int("axis", 1))
}

type channelsOp struct{ from, to int }

// Channels takes the channels from, from+1, ... to-1 of images: (B, C, H, W) -> (B, to-from, H, W).
func Channels(x *Node, from, to int) *Node {
	return apply(fmt.Sprintf("Channels{%d %d}", from, to), channelsOp{from, to}, x)
}

func (p channelsOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	s := in[0]
	if len(s) != 4 || p.from < 0 || p.from >= p.to || p.to > s[1] {
		return nil, fmt.Errorf("needs images (B, C, H, W) with these channels")
	}
	return tensor.Shape{s[0], p.to - p.from, s[2], s[3]}, nil
}

func (p channelsOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	p.visit(in[0].Shape, func(all, part, n int) { copy(out.Data[part:part+n], in[0].Data[all:all+n]) })
}

func (p channelsOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	return []*Node{apply(fmt.Sprintf("AmongChannels{%d %d}", p.from, in[0].Shape()[1]),
		amongChannelsOp{part: p, channels: in[0].Shape()[1]}, grad)}
}

func (p channelsOp) Lower(b *onnxir.Builder, c Call) {
	b.Node("Slice", c.Out, []string{c.In[0], b.Int64s(p.from), b.Int64s(p.to), b.Int64s(1)})
}

// visit gives, for each image of shape (B, C, H, W), where its chosen channels lie among all and among themselves.
func (p channelsOp) visit(shape []int, run func(all, part, n int)) {
	plane := shape[2] * shape[3]
	n := (p.to - p.from) * plane
	for b := range shape[0] {
		run((b*shape[1]+p.from)*plane, b*n, n)
	}
}

// amongChannelsOp is the gradient of Channels: it sets its input among channels of zeros.
type amongChannelsOp struct {
	noGradient
	part     channelsOp
	channels int // C
}

func (p amongChannelsOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	s := in[0]
	return tensor.Shape{s[0], p.channels, s[2], s[3]}, nil
}

func (p amongChannelsOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	p.part.visit(out.Shape, func(all, part, n int) { copy(out.Data[all:all+n], in[0].Data[part:part+n]) })
}

func (p amongChannelsOp) Lower(b *onnxir.Builder, c Call) {
	pads := b.Int64s(0, p.part.from, 0, 0, 0, p.channels-p.part.to, 0, 0)
	b.Node("Pad", c.Out, []string{c.In[0], pads, b.Scalar(0)})
}
