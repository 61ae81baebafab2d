package ops

import (
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// channelSumOp is the gradient of a bias: dy (B, O, H, W) -> (O), summed over batch and pixels.
type channelSumOp struct {
	noGradient
	anyLayout
}

func (channelSumOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	return tensor.Shape{in[0][1]}, nil
}

func (channelSumOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	channels, pixels := in[0].Shape[1], in[0].Shape[2]*in[0].Shape[3]
	sums := make([]float64, channels)
	for plane := 0; plane*pixels < len(in[0].Data); plane++ {
		for _, v := range in[0].Data[plane*pixels : (plane+1)*pixels] {
			sums[plane%channels] += float64(v)
		}
	}
	for o, v := range sums {
		out.Data[o] = float32(v)
	}
}

// Lower sums the pixels of each image first: a reduction over contiguous memory, which ONNX Runtime vectorises. So it
// does one over whole rows of channels.
func (channelSumOp) Lower(b *onnxir.Builder, c Call) {
	s := c.InShapes[0]
	if hasRows(b, c.In[0]) {
		pixels := reshaped(b, rowsFirst(b, c.In[0], s), s[0]*s[2]*s[3], s[1])
		b.Node("ReduceSum", c.Out, []string{pixels, b.Int64s(0)}, onnxir.Int("keepdims", 0))
		return
	}
	b.Need(c.In[0])
	flat := reshaped(b, c.In[0], s[0], s[1], s[2]*s[3])
	perImage := b.Temp("ReduceSum", []string{flat, b.Int64s(2)}, onnxir.Int("keepdims", 0))
	b.Node("ReduceSum", c.Out, []string{perImage, b.Int64s(0)}, onnxir.Int("keepdims", 0))
}
