package trainer

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/solve"
	"ptyx/models"
)

// Config is everything that decides a training besides the patterns. A run directory keeps it as config.yaml; training
// again with it gives the same model. DefaultConfig returns the values of ptyx train.
type Config struct {
	N            int           `yaml:"-"` // side of the patterns, pixels; 0: that of the first scan
	Mode         Mode          `yaml:"mode"`
	Gridsize     int           `yaml:"gridsize"`   // a sample is gridsize^2 patterns
	Grouping     Grouping      `yaml:"grouping"`   // how the patterns of a sample are used
	Neighbours   int           `yaml:"neighbours"` // nearest neighbours that a sample draws from; 0: gridsize^2
	Oversample   int           `yaml:"oversample"` // different samples for each position
	Network      models.Kind   `yaml:"network"`    // the network's input
	FiltersScale int           `yaml:"n_filters_scale"`
	Extent       models.Extent `yaml:"object_extent"`
	Loss         Loss          `yaml:"loss"`
	Seed         uint64        `yaml:"seed"` // of all random draws
	MaxEpochs    Epochs        `yaml:"max_epochs"`
	BatchSize    int           `yaml:"batch_size"`    // patterns per step; with Channels, samples per step
	Shards       int           `yaml:"shards"`        // parts of a step, each of one thread; 0: one per thread
	LearningRate float64       `yaml:"learning_rate"` // at its peak
	Schedule     Schedule      `yaml:"schedule"`      // course of the learning rate
	WarmUp       float64       `yaml:"warm_up"`       // epochs in which the learning rate rises from 0
	Clip         float64       `yaml:"clip"`          // largest norm of the gradient; 0: any
	EarlyStop    int           `yaml:"early_stop"`    // epochs without improvement that end the training; 0: never
	ValFraction  float64       `yaml:"val_fraction"`  // share of each scan's patterns kept for validation, in [0, 1)
	Photons      float64       `yaml:"nphotons"`      // mean photons per pattern; 0: the data hold counts
	Probe        ProbeMode     `yaml:"probe"`
	ProbePasses  int           `yaml:"probe_passes"`  // that calibrate a trainable probe first; 0: none
	ProbeRate    float64       `yaml:"probe_rate"`    // learning rate of the probe, relative to the network's
	ProbeWarmUp  int           `yaml:"probe_warm_up"` // epochs before the probe starts to move
	Threads      int           `yaml:"-"`             // of optimiser and calibration; the result does not depend on it
	Patterns     int           `yaml:"n_images"`      // groups drawn from the scans; 0: all
	Floor        float64       `yaml:"floor"`         // of intensities in the Poisson term, relative to their mean
}

// DefaultConfig returns the values that ptyx train uses where no flag is given.
func DefaultConfig() Config {
	return Config{
		Mode: Physics, Gridsize: 2, Grouping: Shared, Oversample: 1, Network: models.Unrolled, FiltersScale: 2,
		Extent: models.Full, Loss: Poisson.Loss(), MaxEpochs: AutoEpochs, BatchSize: 8, LearningRate: 0.002,
		Schedule: Cosine, WarmUp: 0.5, ValFraction: 0.05, Probe: ProbeTrainable, ProbePasses: solve.CalibrationPasses,
		ProbeRate: 1, ProbeWarmUp: 1, Floor: DefaultFloor,
	}
}

// DefaultFloor is a tenth of the mean intensity per pixel. With many photons, dark pixels would otherwise outweigh all
// others, and a network gets them right last (docs/dev/decisions.md).
const DefaultFloor = 0.1

const (
	minFloor    = 1e-6 // what float32 resolves beside an intensity of 1
	maxGridsize = 16   // the largest that a model's contract can hold
)

// NetworkConfig is the network that the configuration describes, with the given input normalisation.
func (c Config) NetworkConfig(inputScale float64) models.Config {
	channels := 1
	if c.Grouping == Channels {
		channels = c.Gridsize * c.Gridsize
	}
	return models.Config{
		Kind: c.Network, N: c.N, Channels: channels, FiltersScale: c.FiltersScale, Extent: c.Extent,
		InputScale: inputScale, AmplitudeMax: models.DefaultAmplitudeMax,
	}
}

// ApplyNetwork takes the network's sizes from a model's contract. A network of one channel can be trained in groups of
// any grid; one of several channels has its grid built in.
func (c *Config) ApplyNetwork(m contract.Contract) {
	c.Network, c.FiltersScale, c.Extent = models.Kind(m.Network), m.FiltersScale, models.Extent(m.ObjectExtent)
	if m.Channels > 1 {
		c.Grouping, c.Gridsize = Channels, m.Gridsize
	} else {
		c.Grouping = Shared
	}
}

// Grouping says how the gridsize^2 neighbouring patterns of a sample are used.
type Grouping string

// The groupings.
const (
	// Shared gives each pattern to the same network separately, and the patches must agree where they overlap. The
	// trained network takes single patterns.
	Shared Grouping = "shared"
	// Channels gives the network all patterns of a sample at once, as PtychoPINN does.
	Channels Grouping = "channels"
)

// UnmarshalText reads a grouping from a flag or a configuration file.
func (g *Grouping) UnmarshalText(text []byte) error { return choice.Set(g, text, Shared, Channels) }

// ProbeMode says whether training moves the probe.
type ProbeMode string

// The probe modes.
const (
	ProbeFixed     ProbeMode = "fixed"
	ProbeTrainable ProbeMode = "trainable"
)

// UnmarshalText reads a probe mode from a flag or a configuration file.
func (m *ProbeMode) UnmarshalText(text []byte) error {
	return choice.Set(m, text, ProbeFixed, ProbeTrainable)
}

// samples is the number of samples in a step: BatchSize, or, on a shared canvas, as many groups as have about BatchSize
// patterns.
func (c Config) samples(groups int) int {
	samples := c.BatchSize
	if c.Grouping == Shared {
		samples = max(1, c.BatchSize/(c.Gridsize*c.Gridsize))
	}
	return min(samples, groups)
}

// usualShards is the number of parts of a step that others compute.
const usualShards = 4

// ForExchange is the configuration with a number of shards: where none is set, up to four.
func (c Config) ForExchange() Config {
	if c.Shards == 0 {
		samples := c.samples(math.MaxInt)
		for c.Shards = usualShards; samples%c.Shards != 0; c.Shards-- {
		}
	}
	return c
}

// Validate reports the first setting that makes no sense, as a *badinput.Error.
func (c Config) Validate() error {
	members := c.Gridsize * c.Gridsize
	positive := func(v float64) bool { return v >= 0 && !math.IsInf(v, 0) } // or 0; false for NaN
	for _, check := range []struct {
		ok       bool
		key      string
		found    any
		expected string
	}{
		{c.Mode == Physics || c.Mode == Supervised, "mode", c.Mode, "physics or supervised"},
		{c.Gridsize >= 1 && c.Gridsize <= maxGridsize, "gridsize", c.Gridsize, fmt.Sprintf("1 to %d", maxGridsize)},
		{c.Neighbours == 0 || c.Neighbours >= members-1, "neighbours", c.Neighbours,
			fmt.Sprintf("at least %d for gridsize %d", members-1, c.Gridsize)},
		{c.Oversample >= 1, "oversample", c.Oversample, "1 or more"},
		{c.MaxEpochs >= 0 || c.MaxEpochs == AutoEpochs, "max_epochs", c.MaxEpochs, "auto, or 0 or more"},
		{c.BatchSize >= 1, "batch_size", c.BatchSize, "1 or more"},
		{c.Shards >= 0, "shards", c.Shards, "0 (one per thread) or more"},
		{positive(c.LearningRate) && c.LearningRate > 0, "learning_rate", c.LearningRate, "a positive number"},
		{positive(c.Clip), "clip", c.Clip, "0 (off) or a positive number"},
		{c.EarlyStop >= 0, "early_stop", c.EarlyStop, "0 (off) or a number of epochs"},
		{positive(c.WarmUp), "warm_up", c.WarmUp, "0 epochs or more"},
		{c.ValFraction >= 0 && c.ValFraction < 1, "val_fraction", c.ValFraction, "at least 0 and below 1"},
		{positive(c.Photons), "nphotons", c.Photons, "0 (the data hold counts) or a positive number"},
		{positive(c.ProbeRate), "probe_rate", c.ProbeRate, "0 or more"},
		{c.ProbePasses >= 0, "probe_passes", c.ProbePasses, "0 (none) or more"},
		{c.ProbeWarmUp >= 0, "probe_warm_up", c.ProbeWarmUp, "0 epochs or more"},
		{positive(c.Floor) && c.Floor >= minFloor, "floor", c.Floor,
			fmt.Sprintf("at least %g of the mean intensity", minFloor)},
		{c.Patterns >= 0, "n_images", c.Patterns, "0 (all) or more"},
	} {
		if !check.ok {
			return &badinput.Error{Key: check.key, Found: fmt.Sprint(check.found), Expected: check.expected}
		}
	}
	return c.Loss.validate(c.Mode)
}

// settled resets settings without meaning in the mode: with known truth, patterns need no neighbours to agree with, so
// a network that reads each pattern separately is trained on single patterns.
func (c Config) settled() Config {
	if c.Mode == Supervised && c.Grouping == Shared {
		c.Gridsize, c.Neighbours, c.Oversample = 1, 0, 1
	}
	return c
}

// learnsProbe reports whether training moves the probe. In mode Supervised there is no physics to move it.
func (c Config) learnsProbe() bool { return c.Probe == ProbeTrainable && c.Mode == Physics }

// lossText is the loss as the model's metadata names it.
func (c Config) lossText() string {
	if c.Mode == Supervised {
		return c.Loss.String() + ", supervised"
	}
	return c.Loss.String()
}
