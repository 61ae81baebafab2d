package forward

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// MoveProbe moves probes (B or 1, 1, N, N) by subpixel offsets (B or 1, 2), x and y in pixels: the far field is
// multiplied by the ramp exp(-2 pi i (k_y y + k_x x) / N). It gives what ShiftProbe gives.
func MoveProbe(probe Pair, offset *gorgonia.Node) Pair {
	n := probe.Re.Shape()[3]
	far := Unstacked(ops.Fourier(Stacked(probe))) // rows are k_x
	far = ExitWave(ramp(offset, 0, n), far)
	far = ExitWave(transposed(ramp(offset, 1, n)), far)
	return Unstacked(ops.InverseFourier(Stacked(far)))
}

// ramp is exp(-2 pi i k d / N) for k = -N/2 ... N/2-1 along rows, (B or 1, 1, N, 1), with d the column axis of the
// offset. The highest frequency, which has no counterpart of the other sign, stays real, as in optics.ShiftMatrixInto.
func ramp(offset *gorgonia.Node, axis, n int) Pair {
	pick := ndarray.New[float32](2, 1)
	pick.Data[axis] = 1
	cosine, sine := ndarray.New[float32](1, n), ndarray.New[float32](1, n)
	for i := range n {
		cosine.Data[i] = float32(2 * math.Pi * float64(i-n/2) / float64(n))
		if i > 0 {
			sine.Data[i] = -cosine.Data[i]
		}
	}
	g := offset.Graph()
	d := ops.MatMul(offset, program.Constant(g, fmt.Sprint("offset.axis.", axis), pick)) // (B, 1)
	angle := func(name string, frequencies *ndarray.Float32) *gorgonia.Node {
		x := ops.MatMul(d, program.Constant(g, fmt.Sprint(name, ".", axis), frequencies)) // (B, N)
		return ops.Reshape(x, offset.Shape()[0], 1, n, 1)
	}
	return Pair{ops.Cos(angle("offset.frequencies", cosine)), ops.Sin(angle("offset.odd_frequencies", sine))}
}

func transposed(x Pair) Pair { return Pair{ops.TransposeLast(x.Re), ops.TransposeLast(x.Im)} }
