// Package variant rewrites a checkpoint for `ptyx export`: another opset, a fixed batch, convolutions in half
// precision, fewer nodes. It changes the ONNX file that package export made. Weights keep their names, and the data
// contract stays as it is; two more metadata keys tell what was changed, and in which file. predict.Compare checks the
// result.
package variant

import (
	"fmt"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/models"
)

// The metadata keys of a variant.
const (
	KeyChanges = "ptyx.variant"    // what was done, "simplified, batch 8, opset 13, float16 convolutions"
	KeySource  = "ptyx.variant_of" // SHA-256 of the file that it was made of
)

// Options say what is wanted; the zero value is the model as it is.
type Options struct {
	Simplify bool
	Batch    int   // the only batch that the model takes; 0: any
	Opset    int64 // of the standard operators; 0: as it is
	Half     bool  // convolutions, and what lies between them, in float16
}

// Check refuses what no model could become.
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

// words are the changes, in the order in which they are made.
func (o Options) words() []string {
	var w []string
	if o.Simplify {
		w = append(w, "simplified")
	}
	if o.Batch > 0 {
		w = append(w, fmt.Sprintf("batch %d", o.Batch))
	}
	if o.Opset > 0 {
		w = append(w, fmt.Sprintf("opset %d", o.Opset))
	}
	if o.Half {
		w = append(w, "float16 convolutions")
	}
	return w
}

// Tolerances of the RMS difference of patches from the model's: what rounding does, measured on trained networks of N =
// 64 and 128, with room for others. Exact variants differ by nothing, or by the rounding of folded constants, which
// corrections amplify where the far field is dark.
const (
	ToleranceFull = 1e-4
	ToleranceHalf = 5e-3
)

// Tolerance is that of a variant.
func (o Options) Tolerance() float64 {
	if o.Half {
		return ToleranceHalf
	}
	return ToleranceFull
}

// Make reads the bytes of a checkpoint and returns those of its variant. A *badinput.Error without a file name tells
// what the variant cannot express.
func Make(model []byte, o Options) ([]byte, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	m, err := onnxir.Unmarshal(model)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	c, err := contract.Parse(m)
	if err != nil {
		return nil, err
	}
	trained := trainedNames(c)
	if o.Simplify {
		simplify(m.Graph, trained)
	}
	if o.Batch > 0 {
		if err := fixBatch(m.Graph, int64(o.Batch)); err != nil {
			return nil, err
		}
	}
	if o.Opset > 0 {
		if err := setOpset(m, o.Opset); err != nil {
			return nil, err
		}
	}
	if o.Half {
		if err := halve(m.Graph, trained); err != nil {
			return nil, err
		}
	}
	record(m, o, model)
	return m.Marshal(), nil
}

// record says in the metadata what was done. A variant of a variant tells all of it, and the first file.
func record(m *onnxir.Model, o Options, source []byte) {
	changes := o.words()
	if before, ok := m.Property(KeyChanges); ok && before != "" {
		changes = append([]string{before}, changes...)
	}
	digest := contract.Digest(source)
	if before, ok := m.Property(KeySource); ok {
		digest = before
	}
	m.Metadata = slices.DeleteFunc(m.Metadata,
		func(p onnxir.Property) bool { return p.Key == KeyChanges || p.Key == KeySource })
	m.Metadata = append(m.Metadata, onnxir.Property{Key: KeyChanges, Value: strings.Join(changes, ", ")},
		onnxir.Property{Key: KeySource, Value: digest})
}

// trainedNames are the names of the network's weights, by which a training starts from the variant too.
func trainedNames(c contract.Contract) map[string]bool {
	names := map[string]bool{}
	for _, s := range models.FromContract(c).Specs() {
		names[s.Name] = !s.Fixed
	}
	return names
}

// initializers are a graph's constants by name.
func initializers(g *onnxir.Graph) map[string]*onnxir.Tensor {
	byName := make(map[string]*onnxir.Tensor, len(g.Initializers))
	for _, t := range g.Initializers {
		byName[t.Name] = t
	}
	return byName
}
