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

// Kind is what the network is shown.
type Kind string

const (
	// Pattern shows it the bare pattern, as PtychoPINN does.
	Pattern Kind = "pattern"
	// Estimate shows it a first estimate of the object, made of the pattern and the probe inside the graph, and lets it
	// correct that: fine detail need not pass through the network's narrow middle. What it says is then corrected by the pattern.
	Estimate Kind = "estimate"
)

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
	switch Kind(text) {
	case Pattern, Estimate:
		*k = Kind(text)
		return nil
	}
	return fmt.Errorf("found %q, expected estimate or pattern", text)
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

// DefaultAmplitudeMax puts the sigmoid's start, 1/2, at amplitude 1: an untrained network says "nothing is there".
const DefaultAmplitudeMax = 2

// Bounds within which a network fits a machine: at maxFiltersScale it has 1.5e8 parameters, which training holds five times.
const (
	maxFiltersScale = 16
	maxChannels     = 256
)

// architecture lists the filters of each block before scaling; a block is two convolutions.
type architecture struct{ encoder, decoder []int }

// filters are PtychoPINN's sizes for a pattern size. The decoder ends at N/2 x N/2.
func filters(n int) (architecture, bool) {
	switch n {
	case 64:
		return architecture{[]int{32, 64, 128}, []int{64, 32}}, true
	case 128:
		return architecture{[]int{16, 32, 64, 128}, []int{128, 64, 32}}, true
	case 256:
		return architecture{[]int{8, 16, 32, 64, 128}, []int{256, 128, 64, 32}}, true
	}
	return architecture{}, false
}

// Validate reports a configuration that has no network.
func (c Config) Validate() error {
	if _, ok := filters(c.N); !ok {
		return &badinput.Error{Key: "pattern size", Found: fmt.Sprint(c.N), Expected: "64, 128 or 256", Remedy: "crop or bin the patterns"}
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
	if c.Kind != "" && c.Kind != Pattern && c.Kind != Estimate {
		return &badinput.Error{Key: "network", Found: string(c.Kind), Expected: "estimate or pattern"}
	}
	if !positive(c.InputScale) || !positive(c.AmplitudeMax) {
		return &badinput.Error{Key: "scale", Found: fmt.Sprintf("input %g, amplitude %g", c.InputScale, c.AmplitudeMax), Expected: "positive numbers"}
	}
	return nil
}

// positive is false for NaN and infinity.
func positive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }

// encoderFilters and decoderFilters are the scaled filters of each block. A full extent has one more block, of half the
// last one's filters, that doubles N/2 to N.
func (c Config) encoderFilters() []int {
	a, _ := filters(c.N)
	return scaled(a.encoder, c.FiltersScale)
}

func (c Config) decoderFilters() []int {
	a, _ := filters(c.N)
	blocks := scaled(a.decoder, c.FiltersScale)
	if c.Extent == Full {
		blocks = append(blocks, max(1, blocks[len(blocks)-1]/2))
	}
	return blocks
}

func scaled(filters []int, scale int) []int {
	out := make([]int, len(filters))
	for i, f := range filters {
		out[i] = f * scale
	}
	return out
}
