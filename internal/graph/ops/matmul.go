package ops

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type matMulOp struct{}

// MatMul is the matrix product over the last two dimensions, (..., M, K) x (..., K, N) -> (..., M, N); leading
// dimensions broadcast, so that one DFT matrix (N, N) serves a whole batch (B, C, N, N).
func MatMul(a, b *Node) *Node { return apply("MatMul", matMulOp{}, a, b) }

func (matMulOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	a, b := in[0], in[1]
	if len(a) < 2 || len(b) < 2 || a[len(a)-1] != b[len(b)-2] {
		return nil, fmt.Errorf("inner dimensions differ")
	}
	lead, err := broadcastShape(a[:len(a)-2], b[:len(b)-2])
	if err != nil {
		return nil, err
	}
	return append(lead, a[len(a)-2], b[len(b)-1]), nil
}

func (matMulOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	a, b := in[0], in[1]
	m, k, n := a.Shape[len(a.Shape)-2], a.Shape[len(a.Shape)-1], b.Shape[len(b.Shape)-1]
	lead := out.Shape[:len(out.Shape)-2]
	ia, ib := broadcastIndex(a.Shape[:len(a.Shape)-2], lead), broadcastIndex(b.Shape[:len(b.Shape)-2], lead)
	for i := range ndarray.Size(lead) {
		gemm(blas.NoTrans, blas.NoTrans, m, n, k,
			a.Data[ia(i)*m*k:], b.Data[ib(i)*k*n:], 0, out.Data[i*m*n:])
	}
}

func (matMulOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	return unbroadcast(in, MatMul(grad, TransposeLast(in[1])), MatMul(TransposeLast(in[0]), grad))
}

func (matMulOp) Lower(b *onnxir.Builder, c Call) { b.Node("MatMul", c.Out, c.In) }

// gemm is c = op(a) op(b) + beta c for row-major matrices, op(a) being m x k and op(b) k x n.
func gemm(ta, tb blas.Transpose, m, n, k int, a, b []float32, beta float32, c []float32) {
	rowsA, colsA := m, k
	if ta == blas.Trans {
		rowsA, colsA = k, m
	}
	rowsB, colsB := k, n
	if tb == blas.Trans {
		rowsB, colsB = n, k
	}
	blas32.Gemm(ta, tb, 1,
		blas32.General{Rows: rowsA, Cols: colsA, Stride: colsA, Data: a[:rowsA*colsA]},
		blas32.General{Rows: rowsB, Cols: colsB, Stride: colsB, Data: b[:rowsB*colsB]},
		beta, blas32.General{Rows: m, Cols: n, Stride: n, Data: c[:m*n]})
}

type transposeLastOp struct{}

// TransposeLast swaps the last two dimensions.
func TransposeLast(x *Node) *Node { return apply("TransposeLast", transposeLastOp{}, x) }

func (transposeLastOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	if len(in[0]) < 2 {
		return nil, fmt.Errorf("needs two dimensions")
	}
	out := in[0].Clone()
	d := len(out)
	out[d-2], out[d-1] = out[d-1], out[d-2]
	return out, nil
}

func (transposeLastOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	d := len(in[0].Shape)
	rows, cols := in[0].Shape[d-2], in[0].Shape[d-1]
	for start := 0; start < len(out.Data); start += rows * cols {
		src, dst := in[0].Data[start:], out.Data[start:]
		for r := range rows {
			for c := range cols {
				dst[c*rows+r] = src[r*cols+c]
			}
		}
	}
}

func (transposeLastOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	return []*Node{TransposeLast(grad)}
}

func (transposeLastOp) Lower(b *onnxir.Builder, c Call) {
	perm := make([]int, len(c.InShapes[0]))
	for i := range perm {
		perm[i] = i
	}
	d := len(perm)
	perm[d-2], perm[d-1] = perm[d-1], perm[d-2]
	b.Node("Transpose", c.Out, c.In, onnxir.Ints("perm", perm...))
}
