// Package models holds the networks that turn diffraction patterns into object patches. A Config fixes a network and
// all its sizes. Specs lists its parameters, Initialise draws them, and Build makes its Gorgonia graph. The same Config
// always gives the same names, shapes and order, so a list of parameters fits a training step, a checkpoint and a file
// alike.
//
// Package trainer trains these networks, and package export writes them as ONNX.
package models

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/forward"
)

// These names let callers outside this module write the types of arguments and results.
type (
	Array        = ndarray.Float32   // a dense array of float32, in row-major order
	ComplexArray = ndarray.Complex64 // a dense array of complex64, in row-major order
	Pair         = forward.Pair      // a complex array of a graph as two nodes, Re and Im
	Contract     = contract.Contract // the metadata of a model file
)

// Extent is the part of the N x N patch that the network fills.
type Extent string

// The extents.
const (
	// Centre fills the central N/2 x N/2 pixels, and the patch is 0 outside: for a probe that is no wider.
	Centre Extent = "centre"
	// Full fills the whole patch.
	Full Extent = "full"
)

// UnmarshalText reads an extent from a flag.
func (e *Extent) UnmarshalText(text []byte) error { return choice.Set(e, text, Centre, Full) }

// Config fixes the network.
type Config struct {
	Kind         Kind    // empty: Pattern
	N            int     // pattern and patch size in pixels; which are possible depends on the kind
	Channels     int     // patterns per sample, C: 1 to 256
	FiltersScale int     // multiplies the filters of every layer: 1 to 16; 2 in PtychoPINN
	Extent       Extent  // part of the patch that is filled
	InputScale   float64 // factor on raw amplitudes, inside the graph; above 0
	AmplitudeMax float64 // the amplitude head of Pattern is AmplitudeMax * sigmoid; above 0
}

// DefaultAmplitudeMax gives the start of the sigmoid, 1/2, an amplitude of 1: the untrained network finds an empty
// object.
const DefaultAmplitudeMax = 2

// Describe writes the network into a contract.
func (c Config) Describe(to *Contract) {
	to.Network, to.N, to.Channels, to.FiltersScale = c.Kind.String(), c.N, c.Channels, c.FiltersScale
	to.ObjectExtent, to.InputScale, to.AmplitudeMax = string(c.Extent), c.InputScale, c.AmplitudeMax
}

// Bounds within which a network fits a machine. At maxFiltersScale it has 1.5e8 parameters, which training holds five
// times.
const (
	maxFiltersScale = 16
	maxChannels     = 256
)

// Validate reports a configuration that has no network, as an error that names the setting.
func (c Config) Validate() error {
	for _, v := range []struct {
		name        string
		value, most int
	}{{"channels", c.Channels, maxChannels}, {"n_filters_scale", c.FiltersScale, maxFiltersScale}} {
		if v.value < 1 || v.value > v.most {
			return &badinput.Error{Key: v.name, Found: fmt.Sprint(v.value), Expected: fmt.Sprintf("1 to %d", v.most)}
		}
	}
	if c.Extent != Centre && c.Extent != Full {
		return &badinput.Error{Key: "object_extent", Found: string(c.Extent), Expected: choice.List(Centre, Full)}
	}
	row, ok := c.Kind.row()
	if !ok {
		return &badinput.Error{Key: "network", Found: string(c.Kind), Expected: choice.List(Kinds()...)}
	}
	if !positive(c.InputScale) || !positive(c.AmplitudeMax) {
		return &badinput.Error{Key: "scale", Found: fmt.Sprintf("input %g, amplitude %g", c.InputScale, c.AmplitudeMax),
			Expected: "positive numbers"}
	}
	return row.validate(c)
}

// TakesProbe reports whether the network is fed with the probe, in the unit of the patterns.
func (c Config) TakesProbe() bool { return len(c.Inputs()) > 1 }

// positive is false for NaN and infinity.
func positive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
