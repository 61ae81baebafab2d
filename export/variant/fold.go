package variant

import (
	"maps"
	"math"
	"slices"

	"ptyx/internal/graph/onnxir"
)

// fold computes the nodes whose operands are all constants, but not of weights: a training starts from those of the
// variant, too. Sums are in double precision and rounded once.
func fold(g *onnxir.Graph, named map[string]bool) {
	known, isOutput := constants(g), outputs(g)
	maps.DeleteFunc(known, func(name string, _ *onnxir.Tensor) bool { return named[name] })
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *onnxir.Node) bool {
		if n.Domain != "" || len(n.Outputs) != 1 || isOutput[n.Outputs[0]] {
			return false
		}
		result := evaluate(n, known)
		if result == nil {
			return false
		}
		t := &onnxir.Tensor{Name: n.Outputs[0], Type: onnxir.Float, Dims: result.dims,
			Raw: onnxir.FloatBytes(result.values)}
		known[t.Name] = t
		g.Initializers = append(g.Initializers, t)
		return true
	})
}

// array is a constant as numbers.
type array struct {
	dims   []int64
	values []float32
}

// single reports whether the array is one number, which stands for an array of any shape.
func (a array) single() bool { return len(a.dims) == 0 && len(a.values) == 1 }

// evaluate is the result of a node of constants. It is nil if an operand is no constant, or the operator is not one
// that a checkpoint applies to constants.
func evaluate(n *onnxir.Node, constants map[string]*onnxir.Tensor) *array {
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
	if n.OpType == "MatMul" && len(operands) == 2 {
		return product(operands[0], operands[1])
	}
	return elementwise(n.OpType, operands)
}

// elementwise applies an operator to arrays of one shape, or one of which is a single number.
func elementwise(opType string, operands []array) *array {
	operator, known := map[string]struct {
		operands int
		apply    func(x, y float64) float64
	}{
		"Sqrt": {1, func(x, _ float64) float64 { return math.Sqrt(x) }},
		"Add":  {2, func(x, y float64) float64 { return x + y }},
		"Sub":  {2, func(x, y float64) float64 { return x - y }},
		"Mul":  {2, func(x, y float64) float64 { return x * y }},
		"Div":  {2, func(x, y float64) float64 { return x / y }},
	}[opType]
	if !known || len(operands) != operator.operands {
		return nil
	}
	a, b := operands[0], operands[len(operands)-1]
	larger := a
	if a.single() {
		larger = b
	}
	if !b.single() && !slices.Equal(larger.dims, b.dims) {
		return nil
	}
	at := func(x array, i int) float64 {
		if x.single() {
			i = 0
		}
		return float64(x.values[i])
	}
	out := &array{larger.dims, make([]float32, len(larger.values))}
	for i := range out.values {
		out.values[i] = float32(operator.apply(at(a, i), at(b, i)))
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
