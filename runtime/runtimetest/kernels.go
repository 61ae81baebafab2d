package runtimetest

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ptyx/internal/graph/onnxir"
)

//go:embed testdata/kernels.txt
var kernelTable string

// WithoutKernel lists the operators of a model that a provider ("cuda", "dml", "coreml") has no kernel for in the
// model's opset, by the table testdata/kernels.txt: "MaxPool 22 float". On CUDA, one such operator refuses the session.
func WithoutKernel(t testing.TB, provider string, m *onnxir.Model) []string {
	t.Helper()
	opsets := map[string]int{}
	for _, o := range m.Opsets {
		opsets[o.Domain] = int(o.Version)
	}
	types := map[string]onnxir.DataType{}
	for _, v := range slices.Concat(m.Graph.Inputs, m.Graph.ValueInfo) {
		types[v.Name] = v.Type
	}
	for _, tensor := range m.Graph.Initializers {
		types[tensor.Name] = tensor.Type
	}
	var missing []string
	for _, n := range m.Graph.Nodes {
		operand := types[n.Inputs[0]]
		for _, out := range n.Outputs {
			types[out] = resultType(n, operand)
		}
		name := n.OpType
		if n.Domain != "" {
			name = n.Domain + ":" + name
		}
		version := schemaVersion(t, name, opsets[n.Domain])
		if !hasKernel(t, provider, name, version, typeName(operand)) {
			missing = append(missing, fmt.Sprintf("%s %d %s", name, version, typeName(operand)))
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// resultType is the type that a node gives.
func resultType(n *onnxir.Node, operand onnxir.DataType) onnxir.DataType {
	switch n.OpType {
	case "Cast":
		return onnxir.DataType(n.Attributes[0].Int)
	case "Greater", "Equal":
		return onnxir.Bool
	}
	return operand
}

func typeName(d onnxir.DataType) string {
	switch d {
	case onnxir.Float:
		return "float"
	case onnxir.Float16:
		return "float16"
	case onnxir.Bool:
		return "bool"
	}
	return fmt.Sprintf("type %d", d)
}

// row is the rest of a line of the table, nil if there is none.
func row(kind, operator string) []string {
	for line := range strings.Lines(kernelTable) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == kind && f[1] == operator {
			return append([]string{}, f[2:]...)
		}
	}
	return nil
}

// schemaVersion is the version of an operator that an opset holds.
func schemaVersion(t testing.TB, operator string, opset int) int {
	t.Helper()
	version := 0
	if columns := row("schema", operator); columns != nil {
		for _, text := range strings.Split(columns[0], ",") {
			if v := number(t, text); v <= opset {
				version = v
			}
		}
	}
	if version == 0 {
		t.Fatalf("kernels.txt does not tell the versions of %s in opset %d", operator, opset)
	}
	return version
}

func hasKernel(t testing.TB, provider, operator string, version int, operand string) bool {
	t.Helper()
	columns := row(provider, operator)
	switch len(columns) {
	case 0: // no row, or one without versions and types
		return columns != nil
	case 2:
		return slices.Contains(strings.Split(columns[1], ","), operand) &&
			slices.ContainsFunc(strings.Split(columns[0], ","), func(r string) bool { return covers(t, r, version) })
	}
	t.Fatalf("kernels.txt: %s %s has %d columns", provider, operator, len(columns))
	return false
}

// covers reports whether a range of versions ("7-12", "13", "14+") holds one, by ONNX Runtime's rule: a kernel without
// an end serves its first version alone.
func covers(t testing.TB, versions string, v int) bool {
	t.Helper()
	first, last, ranged := strings.Cut(versions, "-")
	if !ranged {
		return number(t, strings.TrimSuffix(versions, "+")) == v
	}
	return number(t, first) <= v && v <= number(t, last)
}

func number(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("kernels.txt: %v", err)
	}
	return n
}
