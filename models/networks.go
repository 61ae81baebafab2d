package models

import (
	"cmp"
	"slices"

	"ptyx/internal/base/choice"
)

// Kind names a network. The empty kind is Pattern.
type Kind string

// The networks. A new one is its own file with its row, and its line in architectures and in contract.Networks.
const (
	Unrolled Kind = "unrolled" // iterations of a solver with convolutions between them; takes the probe as an input
	Pattern  Kind = "pattern"  // sees the bare pattern, as PtychoPINN does
)

// architecture is the row of a network: everything in which networks differ.
type architecture struct {
	kind Kind
	// inputs are fed in this order. The first is always the measured patterns.
	inputs func(Config) []Input
	// validate reports sizes that the network does not have; the kind and what every network needs are valid.
	validate func(Config) error
	// specs lists the parameters.
	specs func(Config) []Spec
	// build makes the graph of the builder's inputs and parameters.
	build func(*builder) *Net
	// start changes freshly drawn parameters, by name; nil: they stay as they were drawn.
	start func(Config, map[string]*Array)
}

// architectures is the table of networks.
func architectures() []architecture { return []architecture{unrolled, pattern} }

// String is the kind's name.
func (k Kind) String() string { return string(cmp.Or(k, Pattern)) }

// MarshalText is the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind from a flag.
func (k *Kind) UnmarshalText(text []byte) error { return choice.Set(k, text, Kinds()...) }

// row is the kind's row of the table.
func (k Kind) row() (row architecture, ok bool) {
	rows := architectures()
	i := slices.IndexFunc(rows, func(a architecture) bool { return a.kind == Kind(k.String()) })
	if i < 0 {
		return architecture{}, false
	}
	return rows[i], true
}

// Kinds are the networks that can be trained, the default first.
func Kinds() []Kind {
	var list []Kind
	for _, a := range architectures() {
		list = append(list, a.kind)
	}
	return list
}
