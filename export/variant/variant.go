// Package variant rewrites a checkpoint for `ptyx export`: another probe, another opset, a fixed batch, convolutions
// in half precision, fewer nodes. It changes the ONNX file that package export made. Weights keep their names, and the
// data contract stays as it is but for the probe; two more metadata keys state the changes and the original file.
// predict.Compare checks the result.
package variant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
)

// The metadata keys of a variant.
const (
	KeyChanges = "ptyx.variant"    // changes, "simplified, batch 8, opset 13, float16 convolutions"
	KeySource  = "ptyx.variant_of" // SHA-256 of the original file
)

// Options are the changes of a variant. The zero value changes nothing.
type Options struct {
	Simplify bool
	Batch    int   // the only batch that the model takes; 0: any
	Opset    int64 // of the standard operators; 0: as it is
	Half     bool  // convolutions and the operators between them in float16

	Probe *ndarray.Complex64 // (N, N), of a network that takes the probe; see contract.WithProbe. nil: as it is
}

// Check refuses options that no model can meet, with a *badinput.Error.
func (o Options) Check() error {
	if o.Batch < 0 {
		return &badinput.Error{Key: "--fixed-batch", Found: fmt.Sprint(o.Batch),
			Expected: "1 or more patterns, or 0 for any number"}
	}
	if o.Opset != 0 && (o.Opset < oldestOpset || o.Opset > newestOpset) {
		return &badinput.Error{Key: "--opset", Found: fmt.Sprint(o.Opset),
			Expected: fmt.Sprintf("%d to %d", oldestOpset, newestOpset)}
	}
	return nil
}

// Largest RMS difference between the patches of a variant and those of its original. They are the rounding measured on
// trained networks of N = 64 and 128, with a margin. A variant in full precision differs by the rounding of folded
// constants at most, which the moves towards the pattern amplify where the far field is dark.
const (
	ToleranceFull = 1e-4
	ToleranceHalf = 5e-3
)

// Tolerance is the largest RMS difference that the variant may have.
func (o Options) Tolerance() float64 {
	if o.Half {
		return ToleranceHalf
	}
	return ToleranceFull
}

// Make reads the bytes of a checkpoint and returns those of its variant. A *badinput.Error without a file name states
// what the variant cannot express.
func Make(model []byte, o Options) ([]byte, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	m, err := onnxir.Unmarshal(model)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	if _, err := contract.Parse(m); err != nil {
		return nil, err
	}
	named := namedConstants(m.Graph)
	var changes []string
	for _, step := range []struct {
		wanted bool
		name   string
		apply  func() error
	}{
		{o.Probe != nil, "another probe", func() error { _, err := contract.WithProbe(m, o.Probe); return err }},
		{o.Simplify, "simplified", func() error { simplify(m.Graph, named); return nil }},
		{o.Batch > 0, fmt.Sprintf("batch %d", o.Batch), func() error { return fixBatch(m.Graph, int64(o.Batch)) }},
		{o.Opset > 0, fmt.Sprintf("opset %d", o.Opset), func() error { return setOpset(m, o.Opset) }},
		{o.Half, "float16 convolutions", func() error { return halve(m.Graph, named) }},
	} {
		if !step.wanted {
			continue
		}
		if err := step.apply(); err != nil {
			return nil, err
		}
		changes = append(changes, step.name)
	}
	record(m, changes, model)
	return m.Marshal(), nil
}

// record adds the changes to the metadata. A variant of a variant lists all changes, and the first file.
func record(m *onnxir.Model, changes []string, source []byte) {
	before, _ := m.Property(KeyChanges)
	first, _ := m.Property(KeySource)
	m.Metadata = slices.DeleteFunc(m.Metadata, func(p onnxir.Property) bool {
		return p.Key == KeyChanges || p.Key == KeySource
	})
	if before != "" {
		changes = append([]string{before}, changes...)
	}
	m.Metadata = append(m.Metadata, onnxir.Property{Key: KeyChanges, Value: strings.Join(changes, ", ")},
		onnxir.Property{Key: KeySource, Value: cmp.Or(first, contract.Digest(source))})
}

// namedConstants are the names of the network's weights and of its default probe, by which others find them in the
// variant too. What the lowering adds has names of its own.
func namedConstants(g *onnxir.Graph) map[string]bool {
	names := map[string]bool{}
	for _, t := range g.Initializers {
		names[t.Name] = !strings.HasPrefix(t.Name, "const.")
	}
	return names
}

// constants are a graph's constants by name. The default of an input is none: a consumer may feed another value.
func constants(g *onnxir.Graph) map[string]*onnxir.Tensor {
	byName := make(map[string]*onnxir.Tensor, len(g.Initializers))
	for _, t := range g.Initializers {
		byName[t.Name] = t
	}
	for _, in := range g.Inputs {
		delete(byName, in.Name)
	}
	return byName
}
