package experiments

import (
	"math"
	"math/rand/v2"
)

// Every range and share that a sample is drawn from is in this file, or is a share in the tables of objects and
// probes. Lengths are in shares of the window, which is N pixels wide, and frequencies in shares of N cycles per
// window.

// within is an interval from which a number is drawn.
type within struct{ low, high float64 }

// even draws every number alike.
func (r within) even(rng *rand.Rand) float64 { return r.low + (r.high-r.low)*rng.Float64() }

// log draws every order of magnitude alike.
func (r within) log(rng *rand.Rand) float64 {
	return r.low * math.Exp(math.Log(r.high/r.low)*rng.Float64())
}

// chance is true for a share of the draws.
func chance(rng *rand.Rand, share float64) bool { return rng.Float64() < share }

// sign is 1 or -1.
func sign(rng *rand.Rand) float64 { return float64(1 - 2*rng.IntN(2)) }

// The object.
var (
	// phase is the largest phase of an object, in radians. A stained section of tissue under hard X-rays has 0.3, a
	// gold star 1, a thick crystal or a specimen under soft X-rays 3. Orders of magnitude are alike. With weaker
	// objects, the network gets worse for strong ones (docs/dev/decisions.md).
	phase = within{0.3, 3}
	// absorption: the thickest part lets pass an amplitude of 1 - absorption. Hard X-rays are hardly absorbed, soft
	// ones and visible light are.
	absorption = within{0, 0.7}
	// feature is the size of an object's features. The least is two or three pixels, as fine as a pattern resolves; the
	// largest is wider than most probes, which then see a smooth field or a single edge.
	feature = within{0.03, 0.6}
	// sharpness of edges: from a pixel, as a lithographer makes them, to the depth of a slope.
	sharpness = within{0.5, 2}
	// roughness is the share of noise in the thickness of an object that has any: films and cells are not even.
	roughness = within{0.03, 0.3}
	// ramp is the slope of a phase across the window, in periods: the centre of a pattern is rarely known better than
	// half a pixel of the detector, and such an error is a ramp of the object.
	ramp = within{-0.5, 0.5}
)

// Shares of objects. Absorption and phase have one cause in one material, and others in two.
const (
	purePhase      = 0.2
	pureAbsorption = 0.1
	partlyAlike    = 0.1  // absorption follows the phase's thickness in part
	independent    = 0.15 // absorption has a thickness of its own
	rough          = 0.25
	inclined       = 0.3
	// rescaled: the patterns determine only the product of probe and object. ptyx gives a probe the mean power of a
	// scan's patterns, so the object has a mean square of 1. In a request to a server, a probe may have its own power.
	rescaled = 0.8
)

// The probe.
var (
	// width: narrower probes illuminate too little of a patch, wider ones leave their window.
	width = within{0.1, 0.8}
	// pupilRadius: the far field of a lens covers from a small disc in the middle of the detector to nearly all of it.
	pupilRadius = within{0.1, 0.45}
	// focusWidth is the width of a probe in its focus. A wider one would need a pupil of a few pixels of the detector.
	focusWidth = within{0.06, 0.12}
	// stop is the central stop of a zone plate, relative to its radius: 60 of 180 um at a hard X-ray microprobe, 60 of
	// 115 um at a fine one.
	stop = within{0.2, 0.65}
	// aberration is the phase of a single aberration at the border of the pupil, in radians: a quarter of a wave is
	// tolerable, half a wave is not rare.
	aberration = within{-1.5, 1.5}
	// stigma is the difference of the defocus along the axes, relative to the defocus: two mirrors rarely focus in one
	// plane.
	stigma = within{-0.5, 0.5}
	// streaks of a pupil are the relative strength of its unevenness, along its axes: errors of a mirror's figure and
	// of a zone plate's height, and the beam in front of both.
	streaks = within{0.05, 0.4}
	// halo is the noise of a pupil, relative to it: dust and scattering spread some light over the window.
	halo = within{0.02, 0.2}
	// diffusion is the phase of a diffuser in radians: enough to spread the far field, little enough to be sampled.
	diffusion = within{1, 5}
	// grain is the size of the features of a diffuser.
	grain = within{0.06, 0.25}
	// border is the sharpness of a pupil's edge, in frequencies: a sharp one gives the probe long tails.
	border = within{0.6, 3}
	// offset of a position from whole pixels. Any is as likely as another.
	offset = within{-0.5, 0.5}
)

// Shares of probes.
const (
	aberrated = 0.5
	streaked  = 0.4
	haloed    = 0.25
	// focused: the object is in the focus, and diffraction alone makes the probe's width.
	focused = 0.15
)

// The scan.
var (
	// step between neighbours, in widths of the probe: a dense scan has a third, one that hardly overlaps 1.6.
	step = within{0.3, 1.6}
)

// jitter is the error of a stage, relative to the step.
const jitter = 0.1

// The probe as it is given to a network.
var (
	// stretch is the error of a probe's defocus or width as the logarithm of a factor: a stage in front of a lens is
	// off by a tenth of its distance.
	stretch = within{-0.15, 0.15}
	// probeNoise is the noise of a given probe's far field, relative to it: what a reconstruction of a few iterations
	// leaves.
	probeNoise = within{0.005, 0.08}
	// misplacement is the error of the position of a probe in its window, in pixels.
	misplacement = within{-0.7, 0.7}
	// powerError is the logarithm of the error of a probe's power: drift of the beam, and objects that absorb.
	powerError = within{-0.15, 0.15}
)

// Shares of given probes. A fitted probe is nearly right, and ptyx fits it before it applies a network; one that comes
// from a model of the lens is off in each of these respects.
const (
	exactProbe   = 0.9
	stretched    = 0.6 // of those that are not exact, as the following
	noisyProbe   = 0.6
	misplaced    = 0.4
	wrongPower   = 0.5
	idealisedOne = 0.5 // knows nothing of streaks
)

// The detector.
var (
	// photons of a pattern. A fast scan of a specimen that suffers has 1e4, a bright source behind a good detector 1e8,
	// and an averaged or simulated pattern more. Fewer hide the object, and a network that is judged by such patterns
	// learns to change nothing. All orders of magnitude are alike, because a network must serve each.
	photons = within{1e4, 1e9}
	// background relative to the photons, even or as a wide cone: from a dark hutch to air in front of the detector.
	background = within{1e-4, 3e-2}
	// readout noise of a CCD, in photons; detectors that count have none.
	readout = within{0.05, 2}
	// blur is the share of a pixel's light that each of its four neighbours takes: charges that spread, and a source
	// that is not quite coherent.
	blur = within{0.005, 0.08}
	// deadShare of pixels that are scattered over the detector.
	deadShare = within{1e-4, 1e-2}
	// saturation is where a pixel's count ends, relative to the brightest one.
	saturation = within{0.1, 0.9}
	// beamStop is the radius of a disc in front of the detector's middle.
	beamStop = within{0.02, 0.06}
)

// Shares of detectors. Faults are rarer than in scans: a network that has seen many of them, or of wrong probes,
// changes an object less where nothing is wrong (docs/dev/decisions.md).
const (
	withBackground = 0.1
	withReadout    = 0.02
	blurred        = 0.05
	withDead       = 0.05
	withGap        = 0.03 // between two modules
	withBeamStop   = 0.02
	saturated      = 0.01
)
