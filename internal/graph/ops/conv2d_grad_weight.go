package ops

import (
	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// conv2DGradWeightOp is the gradient of Conv2D with respect to w: x (B, I, H, W), dy (B, O, H, W) -> (O, I, K, K).
type conv2DGradWeightOp struct {
	anyLayout
	noGradient
	kernel int
}

func (o conv2DGradWeightOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	return tensor.Shape{in[1][1], in[0][1], o.kernel, o.kernel}, nil
}

func (o conv2DGradWeightOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x, dy := in[0], in[1]
	g := newConvGeometry(x.Shape, out.Shape)
	cols := make([]float32, g.colRows()*g.pixels())
	for b := range g.batch {
		g.unfold(x.Data[b*g.in*g.pixels():], cols)
		gemm(blas.NoTrans, blas.Trans, g.out, g.colRows(), g.pixels(),
			dy.Data[b*g.out*g.pixels():], cols, 1, out.Data)
	}
}

// Lower writes one matrix product over all pixels. With both images as lines of pixels, rows separated by a gap of
// zeros as wide as the kernel reaches, a tap (p, q) is a shift along the line by t = p*(W+gap) + q, p and q counted
// from the middle: dw[o,i,p,q] = sum_f x[i,f+t] dy[o,f]. The shift may be given to either side or shared between them,
// and a side that shifts is stacked once a shift. Sharing (dy takes the rows, x the columns) needs K(I+O) copies where
// the textbook's im2col has K*K*I; where one side has few channels it takes all the shifts.
func (o conv2DGradWeightOp) Lower(b *onnxir.Builder, c Call) {
	switch x, w := c.InShapes[0], c.OutShape; {
	case suitsWinograd(b, x, w):
		newWinograd(x, w).gradWeight(b, rowsFirst(b, c.In[0], x), rowsFirst(b, c.In[1], c.InShapes[1]), c.Out)
		return
	case suitsThin(b, x, w):
		newThinConv(x, w).gradWeight(b, c.In[0], rowsFirst(b, c.In[1], c.InShapes[1]), c.Out)
		return
	}
	needAll(b, c.In)
	x, dy, k := c.InShapes[0], c.InShapes[1], o.kernel
	in, out := x[1], dy[1]
	line := newPixelLine(x, k/2)
	rows, columns, taps := line.shifts(k, line.width), line.shifts(k, 1), line.taps(k)
	none := []int{0}
	switch {
	case k*in <= in+out: // K*K*I <= K*(I+O)
		product := line.product(b, line.stack(b, c.In[1], out, none), line.stack(b, c.In[0], in, negated(taps)))
		b.Node("Reshape", c.Out, []string{product, b.Shape(out, in, k, k)})
	case k*out <= in+out:
		product := line.product(b, line.stack(b, c.In[1], out, taps), line.stack(b, c.In[0], in, none))
		apart := b.Temp("Reshape", []string{product, b.Shape(out, k, k, in)})
		b.Node("Transpose", c.Out, []string{apart}, onnxir.Ints("perm", 0, 3, 1, 2))
	default:
		product := line.product(b, line.stack(b, c.In[1], out, rows), line.stack(b, c.In[0], in, negated(columns)))
		apart := b.Temp("Reshape", []string{product, b.Shape(out, k, in, k)})
		b.Node("Transpose", c.Out, []string{apart}, onnxir.Ints("perm", 0, 2, 1, 3))
	}
}

// foldedPixels is the largest image whose batch is folded into the sum of one matrix product; for larger ones a product
// per image, summed, was faster (measured on images of 8 x 8 to 64 x 64).
const foldedPixels = 32 * 32

// pixelLine lays images out as lines of pixels: one line for the whole batch (C, L), or one for each image (B, C, L).
type pixelLine struct {
	fold          bool
	images        int
	height, width int // of an image, its gap included
	gap           int
	pixels        int // in a line before shifting
	margin        int // room for shifts on either side
}

func newPixelLine(image tensor.Shape, gap int) pixelLine {
	l := pixelLine{
		fold: image[2]*image[3] <= foldedPixels, images: image[0], gap: gap,
		height: image[2], width: image[3] + gap,
	}
	l.pixels = l.height * l.width
	if l.fold { // images follow each other, so rows of zeros must lie between them
		l.height += gap
		l.pixels = l.images * l.height * l.width
	}
	l.margin = gap*l.width + gap
	return l
}

// length is that of a line with its margins.
func (l pixelLine) length() int { return l.pixels + 2*l.margin }

// shifts are k steps around 0.
func (pixelLine) shifts(k, step int) []int {
	s := make([]int, k)
	for i := range s {
		s[i] = (i - k/2) * step
	}
	return s
}

// taps are the shifts of a whole kernel, row by row.
func (l pixelLine) taps(k int) []int {
	var taps []int
	for _, row := range l.shifts(k, l.width) {
		for _, column := range l.shifts(k, 1) {
			taps = append(taps, row+column)
		}
	}
	return taps
}

func negated(shifts []int) []int {
	n := make([]int, len(shifts))
	for i, s := range shifts {
		n[i] = -s
	}
	return n
}

// stack writes the line of x, or dy, once for each shift: (B, C, H, W) -> (C*S, L) or (B, C*S, L), shifts next to each
// other for each channel. One Concat writes them all: the shifted lines follow each other with zeros between.
func (l pixelLine) stack(b *onnxir.Builder, x string, channels int, shifts []int) string {
	lead, axis := []int{channels}, 1
	if l.fold {
		x = b.Temp("Transpose", []string{x}, onnxir.Ints("perm", 1, 0, 2, 3))
		x = b.Temp("Pad", []string{x, b.Int64s(0, 0, 0, 0, 0, 0, l.gap, l.gap), b.Scalar(0)})
	} else {
		lead, axis = []int{l.images, channels}, 2
		x = b.Temp("Pad", []string{x, b.Int64s(0, 0, 0, 0, 0, 0, 0, l.gap), b.Scalar(0)})
	}
	x = b.Temp("Reshape", []string{x, b.Shape(append(lead, l.pixels)...)})

	var parts []string
	written := 0
	fill := func(to int) {
		if to > written {
			shape := append(append([]int{}, lead...), to-written)
			parts = append(parts, b.Floats(make([]float32, ndarray.Size(shape)), shape...))
			written = to
		}
	}
	for i, shift := range shifts {
		fill(i*l.length() + l.margin + shift)
		parts = append(parts, x)
		written += l.pixels
	}
	fill(len(shifts) * l.length())
	stacked := b.Temp("Concat", parts, onnxir.Int("axis", axis))
	lead[len(lead)-1] *= len(shifts)
	return b.Temp("Reshape", []string{stacked, b.Shape(append(lead, l.length())...)})
}

// product sums over the pixels of all images: (M, L), (N, L) -> (M, N).
func (l pixelLine) product(b *onnxir.Builder, m, n string) string {
	sum := transposedMatMul(b, m, n)
	if l.fold {
		return sum
	}
	return b.Temp("ReduceSum", []string{sum, b.Int64s(0)}, onnxir.Int("keepdims", 0))
}

// transposedMatMul is a b^T over the last two dimensions.
func transposedMatMul(b *onnxir.Builder, a, bT string) string {
	return fusedMatMul(b, a, bT, onnxir.Int("transB", 1))
}

// fusedMatMul is a MatMul that transposes on the way; training steps only.
func fusedMatMul(b *onnxir.Builder, a, c string, how onnxir.Attribute) string {
	name := b.TempName("FusedMatMul")
	b.NodeIn("com.microsoft", "FusedMatMul", []string{name}, []string{a, c}, how)
	return name
}
