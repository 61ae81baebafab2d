// Package models holds the network: a convolutional encoder with two decoders, one for the amplitude and one for the
// phase of the object patch behind a diffraction pattern (the architecture of PtychoPINN, Hoidn et al., Sci. Rep. 13,
// 22789, 2023). A Config fixes every size; Specs lists the parameters; Initialise draws them; Build makes the Gorgonia
// graph. The same Config always gives the same names, shapes and order, so a parameter list travels between a training
// step, a checkpoint and a file by position.
package models

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
)

// Extent is the part of the N x N patch that the network fills.
type Extent string

const (
	// Centre fills the central N/2 x N/2 square; the patch is zero outside. Right for a probe that is no wider.
	Centre Extent = "centre"
	// Full fills the whole patch.
	Full Extent = "full"
)

// UnmarshalText reads an extent from a flag.
func (e *Extent) UnmarshalText(text []byte) error {
	switch Extent(text) {
	case Centre, Full:
		*e = Extent(text)
		return nil
	}
	return fmt.Errorf("found %q, expected centre or full", text)
}

// Config fixes the network.
type Config struct {
	Kind         Kind    // what it is shown; empty: the bare pattern
	N            int     // pattern and patch size in pixels: 64, 128 or 256
	Channels     int     // patterns per sample, C
	FiltersScale int     // multiplies every layer's filters; 2 in PtychoPINN
	Extent       Extent  // the part of the patch that is filled
	InputScale   float64 // the graph multiplies raw amplitudes by this first
	AmplitudeMax float64 // the amplitude head is AmplitudeMax * sigmoid, before corrections
}

// FromContract is the network that a model's data contract describes.
func FromContract(c contract.Contract) Config {
	return Config{
		Kind: Kind(c.Network), N: c.N, Channels: c.Channels, FiltersScale: c.FiltersScale,
		Extent:     Extent(c.ObjectExtent),
		InputScale: c.InputScale, AmplitudeMax: c.AmplitudeMax,
	}
}

// DefaultAmplitudeMax puts the sigmoid's start, 1/2, at amplitude 1: an untrained network says "nothing is there".
const DefaultAmplitudeMax = 2

// Bounds within which a network fits a machine: at maxFiltersScale it has 1.5e8 parameters, which training holds five
// times.
const (
	maxFiltersScale = 16
	maxChannels     = 256
)

// Validate reports a configuration that has no network.
func (c Config) Validate() error {
	if _, ok := sizes[c.N]; !ok {
		return &badinput.Error{Key: "pattern size", Found: fmt.Sprint(c.N), Expected: "64, 128 or 256",
			Remedy: "crop or bin the patterns"}
	}
	for _, v := range []struct {
		name        string
		value, most int
	}{{"channels", c.Channels, maxChannels}, {"n_filters_scale", c.FiltersScale, maxFiltersScale}} {
		if v.value < 1 || v.value > v.most {
			return &badinput.Error{Key: v.name, Found: fmt.Sprint(v.value), Expected: fmt.Sprintf("1 to %d", v.most)}
		}
	}
	if c.Extent != Centre && c.Extent != Full {
		return &badinput.Error{Key: "object_extent", Found: string(c.Extent), Expected: "centre or full"}
	}
	if _, ok := c.Kind.row(); !ok {
		return &badinput.Error{Key: "network", Found: string(c.Kind), Expected: kinds()}
	}
	if !positive(c.InputScale) || !positive(c.AmplitudeMax) {
		return &badinput.Error{Key: "scale", Found: fmt.Sprintf("input %g, amplitude %g", c.InputScale, c.AmplitudeMax),
			Expected: "positive numbers"}
	}
	return nil
}

// positive is false for NaN and infinity.
func positive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
