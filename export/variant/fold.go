package variant

import (
	"math"
	"slices"

	"ptyx/internal/graph/onnxir"
)

// fold computes the nodes whose operands are all constants. The sums run in double precision and are rounded once.
func fold(g *onnxir.Graph) {
	constants, isOutput := initializers(g), outputs(g)
	kept := g.Nodes[:0:0]
	for _, n := range g.Nodes {
		t := evaluate(n, constants)
		if t == nil || isOutput[n.Outputs[0]] {
			kept = append(kept, n)
			continue
		}
		constants[t.Name] = t
		g.Initializers = append(g.Initializers, t)
	}
	g.Nodes = kept
}

// array is a constant as numbers.
type array struct {
	dims   []int64
	values []float32
}

// evaluate is what a node makes of constants; nil where an operand is none, or the operator is not one of those that a
// checkpoint applies to constants.
func evaluate(n *onnxir.Node, constants map[string]*onnxir.Tensor) *onnxir.Tensor {
	if n.Domain != "" || len(n.Outputs) != 1 {
		return nil
	}
	var operands []array
	for _, in := range n.Inputs {
		t := constants[in]
		if t == nil || t.Type != onnxir.Float {
			return nil
		}
		values, err := t.Floats()
		if err != nil {
			return nil
		}
		operands = append(operands, array{t.Dims, values})
	}
	var result *array
	switch {
	case n.OpType == "Sqrt" && len(operands) == 1:
		result = &array{operands[0].dims, make([]float32, len(operands[0].values))}
		for i, v := range operands[0].values {
			result.values[i] = float32(math.Sqrt(float64(v)))
		}
	case n.OpType == "MatMul" && len(operands) == 2:
		result = product(operands[0], operands[1])
	case len(operands) == 2:
		result = elementwise(n.OpType, operands[0], operands[1])
	}
	if result == nil {
		return nil
	}
	return &onnxir.Tensor{Name: n.Outputs[0], Type: onnxir.Float, Dims: result.dims,
		Raw: onnxir.FloatBytes(result.values)}
}

// elementwise applies an operator to arrays of one shape, or one of which is a single number.
func elementwise(op string, a, b array) *array {
	apply, known := map[string]func(x, y float64) float64{
		"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
		"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
	}[op]
	single := func(x array) bool { return len(x.dims) == 0 && len(x.values) == 1 }
	if !known || !single(a) && !single(b) && !slices.Equal(a.dims, b.dims) {
		return nil
	}
	larger := a
	if single(a) {
		larger = b
	}
	out := &array{larger.dims, make([]float32, len(larger.values))}
	at := func(x array, i int) float64 {
		if single(x) {
			i = 0
		}
		return float64(x.values[i])
	}
	for i := range out.values {
		out.values[i] = float32(apply(at(a, i), at(b, i)))
	}
	return out
}

// product is the product of matrices (r, k) and (k, c).
func product(a, b array) *array {
	if len(a.dims) != 2 || len(b.dims) != 2 || a.dims[1] != b.dims[0] {
		return nil
	}
	rows, inner, columns := int(a.dims[0]), int(a.dims[1]), int(b.dims[1])
	out := &array{[]int64{a.dims[0], b.dims[1]}, make([]float32, rows*columns)}
	for r := range rows {
		for c := range columns {
			sum := 0.0
			for k := range inner {
				sum += float64(a.values[r*inner+k]) * float64(b.values[k*columns+c])
			}
			out.values[r*columns+c] = float32(sum)
		}
	}
	return out
}
