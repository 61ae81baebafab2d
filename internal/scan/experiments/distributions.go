package experiments

import (
	"math"
	"math/rand/v2"
)

// within is an interval from which a number is drawn.
type within struct{ low, high float64 }

// even draws every number alike.
func (r within) even(rng *rand.Rand) float64 { return r.low + (r.high-r.low)*rng.Float64() }

// log draws every order of magnitude alike.
func (r within) log(rng *rand.Rand) float64 {
	return r.low * math.Exp(math.Log(r.high/r.low)*rng.Float64())
}

// Distributions of the object.
var (
	// phase is the range of an object's phase in radians: thin biological sections of hard X-rays have 0.05, a gold star
	// 1 or more, a soft X-ray or electron experiment several. Every order of magnitude counts alike.
	phase = within{0.05, 3}
	// absorption: a layer of thickness 1 leaves the amplitude 1 - absorption. Hard X-rays are hardly absorbed, soft ones
	// are.
	absorption = within{0, 0.7}
)

// Distributions of the probe.
var (
	// width of a probe, in shares of N. Below, the pattern is undersampled by no experiment; above, the probe leaves its
	// window.
	width = within{0.1, 0.8}
	// offset of a position from whole pixels.
	offset = within{-0.5, 0.5}
)

// photons of a pattern: a diode laser has no limit, a fast scan of a weak specimen a hundred.
var photons = within{1e2, 1e9}
