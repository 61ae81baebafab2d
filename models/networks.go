package models

import (
	"fmt"
	"slices"
	"strings"

	"ptyx/internal/base/ndarray"
)

// Kind names a network. The empty kind is Pattern.
type Kind string

// The networks. A new one is its own file with its row, and its line in architectures and in contract.Networks.
const (
	Estimate Kind = "estimate" // corrects a first estimate of the object, which the graph makes of pattern and probe
	Pattern  Kind = "pattern"  // sees the bare pattern, as PtychoPINN does
)

// architecture is the row of a network: all in which it differs from the others.
type architecture struct {
	kind Kind
	// inputs are what the network is fed with, in order. The first is always the measured patterns.
	inputs func(Config) []Input
	// specs lists the parameters, those that are not trained last.
	specs func(Config) []Spec
	// build makes the graph of the builder's inputs and parameters.
	build func(*builder) *Net
	// start changes freshly drawn parameters, by name; nil: they stay as they were drawn.
	start func(Config, map[string]*ndarray.Float32)
	// setProbe stores a probe (N, N) in the parameters, by name; nil: the network has none.
	setProbe func(Config, map[string]*ndarray.Float32, *ndarray.Complex64)
}

// architectures is the table of networks.
func architectures() []architecture { return []architecture{estimate, pattern} }

// String is the kind's name.
func (k Kind) String() string {
	if k == "" {
		return string(Pattern)
	}
	return string(k)
}

// MarshalText is the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind from a flag.
func (k *Kind) UnmarshalText(text []byte) error {
	if _, ok := Kind(text).row(); !ok || len(text) == 0 {
		return fmt.Errorf("found %q, expected %s", text, kinds())
	}
	*k = Kind(text)
	return nil
}

// row is the kind's line of the table.
func (k Kind) row() (architecture, bool) {
	rows := architectures()
	i := slices.IndexFunc(rows, func(a architecture) bool { return a.kind == Kind(k.String()) })
	if i < 0 {
		return architecture{}, false
	}
	return rows[i], true
}

// kinds lists the names for a sentence.
func kinds() string {
	var names []string
	for _, a := range architectures() {
		names = append(names, string(a.kind))
	}
	return strings.Join(names, " or ")
}
