package ops

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// fourierOp multiplies a wave by the DFT matrix F (N, N), or by its conjugate, on both sides and transposes it.
type fourierOp struct{ inverse bool }

// Fourier is (F X F)^T for waves X (B, 2, N, N), real and imaginary part, with the symmetric unitary DFT matrix F of
// package optics: the far field, with rows and columns exchanged. A second product with F from the left then does the
// work of one from the right, and the four real products of a complex one are a single product with a matrix (2N, 2N).
// InverseFourier exchanges rows and columns back.
func Fourier(x *Node) *Node {
	if before, ok := operandOf[fourierOp](x); ok && before.op.inverse {
		return before.operand // nothing is computed there and back
	}
	return apply("Fourier", fourierOp{}, x)
}

// InverseFourier is (F* X F*)^T: InverseFourier(Fourier(x)) is x.
func InverseFourier(x *Node) *Node { return apply("InverseFourier", fourierOp{inverse: true}, x) }

func (f fourierOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	if s := in[0]; len(s) != 4 || s[1] != 2 || s[2] != s[3] {
		return nil, fmt.Errorf("needs (B, 2, N, N)")
	}
	return in[0], nil
}

// Differentiate uses that F is symmetric and unitary: the adjoint of the transform is its inverse.
func (f fourierOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	if f.inverse {
		return []*Node{Fourier(grad)}
	}
	return []*Node{InverseFourier(grad)}
}

func (f fourierOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	n := in[0].Shape[3]
	left := f.left(n)
	half, turned := make([]float32, 2*n*n), make([]float32, 2*n*n)
	for start := 0; start < len(out.Data); start += 2 * n * n {
		gemm(blas.NoTrans, blas.NoTrans, 2*n, n, 2*n, left, in[0].Data[start:], 0, half)
		for i, v := range half {
			part, row, col := i/(n*n), i/n%n, i%n
			turned[part*n*n+col*n+row] = v
		}
		gemm(blas.NoTrans, blas.NoTrans, 2*n, n, 2*n, left, turned, 0, out.Data[start:])
	}
}

// left is the product with F as a real matrix (2N, 2N): [re -im; im re].
func (f fourierOp) left(n int) []float32 {
	re, im := f.parts(n)
	left := make([]float32, 4*n*n)
	for i := range re {
		row, col := i/n, i%n
		left[row*2*n+col], left[row*2*n+n+col] = re[i], -im[i]
		left[(n+row)*2*n+col], left[(n+row)*2*n+n+col] = im[i], re[i]
	}
	return left
}

// parts is F, or its conjugate.
func (f fourierOp) parts(n int) (re, im []float32) {
	re, im = optics.DFTMatrix(n)
	if f.inverse {
		for i := range im {
			im[i] = -im[i]
		}
	}
	return re, im
}

func (f fourierOp) Lower(b *onnxir.Builder, c Call) {
	n := c.InShapes[0][3]
	left := f.lowerLeft(b, n)
	rows := func(x string) string { // (B, 2N, N)
		return b.Shaped(b.Temp("Reshape", []string{x, b.Shape(-1, 2*n, n)}), c.In[0], 2*n, n)
	}
	product := func(x string) string { return b.Shaped(b.Temp("MatMul", []string{left, rows(x)}), c.In[0], 2*n, n) }
	images := b.Shape(-1, 2, n, n)
	half := b.Shaped(b.Temp("Reshape", []string{product(c.In[0]), images}), c.In[0], 2, n, n)
	turned := b.Shaped(b.Temp("Transpose", []string{half}, onnxir.Ints("perm", 0, 1, 3, 2)), c.In[0], 2, n, n)
	b.Node("Reshape", c.Out, []string{product(turned), images})
}

// lowerLeft joins the matrix of left from F's two parts, which both directions share in the file. A runtime joins them
// once, when it loads the model.
func (f fourierOp) lowerLeft(b *onnxir.Builder, n int) string {
	return b.Shared(fmt.Sprintf("left Fourier %v %d", f, n), func() string {
		re, im := optics.DFTMatrix(n)
		matrixRe, matrixIm := b.Floats(re, n, n), b.Floats(im, n, n)
		upper := b.Shaped(b.Temp("Neg", []string{matrixIm}), "", n, n)
		lower := matrixIm
		if f.inverse {
			upper, lower = lower, upper
		}
		join := func(axis, rows int, x, y string) string {
			return b.Shaped(b.Temp("Concat", []string{x, y}, onnxir.Int("axis", axis)), "", rows, 2*n)
		}
		return join(0, 2*n, join(1, n, matrixRe, upper), join(1, n, lower, matrixRe))
	})
}
