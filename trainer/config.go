package trainer

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/graph/contract"
	"ptyx/models"
)

// Config is everything that decides a training besides the patterns themselves. It is written to the run directory as
// config.yaml, and running it again gives the same model.
type Config struct {
	N            int           `yaml:"-"`          // of the scan
	Mode         Mode          `yaml:"mode"`       // what is compared with what
	Gridsize     int           `yaml:"gridsize"`   // a sample is gridsize^2 patterns
	Grouping     Grouping      `yaml:"grouping"`   // what the patterns of a sample share
	Neighbours   int           `yaml:"neighbours"` // nearest neighbours that a sample draws from; 0: gridsize^2
	Oversample   int           `yaml:"oversample"` // different samples for each position; 0: one
	Network      models.Kind   `yaml:"network"`    // what the network is shown
	FiltersScale int           `yaml:"n_filters_scale"`
	Extent       models.Extent `yaml:"object_extent"`
	Loss         Loss          `yaml:"loss"`
	Seed         uint64        `yaml:"seed"`
	MaxEpochs    int           `yaml:"max_epochs"`
	BatchSize    int           `yaml:"batch_size"`
	LearningRate float64       `yaml:"learning_rate"`
	Schedule     Schedule      `yaml:"schedule"`
	WarmUp       float64       `yaml:"warm_up"`    // epochs in which the learning rate rises from 0
	Clip         float64       `yaml:"clip"`       // largest norm of the gradient; 0: any
	EarlyStop    int           `yaml:"early_stop"` // epochs without improvement after which training ends; 0: never
	ValFraction  float64       `yaml:"val_fraction"`
	Photons      float64       `yaml:"nphotons"`      // mean photons per pattern; 0: the data hold counts
	Probe        ProbeMode     `yaml:"probe"`         // fixed or trainable
	ProbePasses  int           `yaml:"probe_passes"`  // that calibrate a trainable probe before training; 0: none
	ProbeRate    float64       `yaml:"probe_rate"`    // learning rate of the probe, relative to the network's
	ProbeWarmUp  int           `yaml:"probe_warm_up"` // epochs before the probe starts to move
	Threads      int           `yaml:"-"`             // of the optimiser
	Patterns     int           `yaml:"n_images"`      // groups drawn from the scan; 0: all
	Floor        float64       `yaml:"floor"`         // added to intensities inside the likelihood, in units of the mean intensity
}

// DefaultFloor is a tenth of the mean intensity per pixel. Of many photons the dark pixels, which a network gets right last, would
// otherwise outweigh all others: with a tenth of a photon for a floor, a simulated star of 10^9 photons and single patterns
// (gridsize 1) ended at a correlation of 0.56 after 8 epochs instead of 0.91; with overlap, and for few photons, it is the same.
const DefaultFloor = 0.1

// minFloor is what float32 resolves beside an intensity of 1.
const minFloor = 1e-6

// maxGridsize is what a model's contract can say.
const maxGridsize = 16

// NetworkConfig is the network that the configuration asks for, with the given input normalisation.
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

// ApplyNetwork takes the network's sizes from a model's contract. A network of one channel may be trained in groups of any
// grid; one of several channels has its grid built in.
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
	// Shared shows every pattern to the same network by itself and makes their patches agree where they overlap. The
	// trained network takes single patterns.
	Shared Grouping = "shared"
	// Channels gives the network all patterns of a sample at once, as PtychoPINN does.
	Channels Grouping = "channels"
)

// UnmarshalText reads a grouping from a flag.
func (g *Grouping) UnmarshalText(text []byte) error { return choice.Set(g, text, Shared, Channels) }

// samples is how many samples make a step: BatchSize samples, or, where one network sees single patterns, as many groups
// as have about BatchSize patterns.
func (c Config) samples(groups int) int {
	samples := c.BatchSize
	if c.Grouping == Shared {
		samples = max(1, c.BatchSize/(c.Gridsize*c.Gridsize))
	}
	return min(samples, groups)
}

// ProbeMode says whether training moves the probe.
type ProbeMode string

// The probe modes.
const (
	ProbeFixed     ProbeMode = "fixed"
	ProbeTrainable ProbeMode = "trainable"
)

// UnmarshalText reads a probe mode from a flag.
func (m *ProbeMode) UnmarshalText(text []byte) error {
	return choice.Set(m, text, ProbeFixed, ProbeTrainable)
}

// Validate reports the first setting that makes no sense.
func (c Config) Validate() error {
	checks := []struct {
		ok              bool
		key             string
		found, expected string
	}{
		{c.Mode == Physics || c.Mode == Supervised, "mode", string(c.Mode), "physics or supervised"},
		{c.Gridsize >= 1 && c.Gridsize <= maxGridsize, "gridsize", fmt.Sprint(c.Gridsize), fmt.Sprintf("1 to %d", maxGridsize)},
		{c.Neighbours == 0 || c.Neighbours >= c.Gridsize*c.Gridsize-1, "neighbours", fmt.Sprint(c.Neighbours), fmt.Sprintf("at least %d for gridsize %d", c.Gridsize*c.Gridsize-1, c.Gridsize)},
		{c.Oversample >= 0, "oversample", fmt.Sprint(c.Oversample), "1 or more"},
		{c.MaxEpochs >= 0, "max_epochs", fmt.Sprint(c.MaxEpochs), "0 or more"},
		{c.BatchSize >= 1, "batch_size", fmt.Sprint(c.BatchSize), "1 or more"},
		{c.LearningRate > 0 && !math.IsInf(c.LearningRate, 0), "learning_rate", fmt.Sprint(c.LearningRate), "a positive number"},
		{c.Clip >= 0 && !math.IsInf(c.Clip, 0), "clip", fmt.Sprint(c.Clip), "0 (off) or a positive number"},
		{c.EarlyStop >= 0, "early_stop", fmt.Sprint(c.EarlyStop), "0 (off) or a number of epochs"},
		{c.WarmUp >= 0 && !math.IsInf(c.WarmUp, 0), "warm_up", fmt.Sprint(c.WarmUp), "0 epochs or more"},
		{c.ValFraction >= 0 && c.ValFraction < 1, "val_fraction", fmt.Sprint(c.ValFraction), "at least 0 and below 1"},
		{c.Photons >= 0 && !math.IsInf(c.Photons, 0), "nphotons", fmt.Sprint(c.Photons), "0 (the data hold counts) or a positive number"},
		{c.ProbeRate >= 0 && !math.IsInf(c.ProbeRate, 0), "probe_rate", fmt.Sprint(c.ProbeRate), "0 or more"},
		{c.ProbePasses >= 0, "probe_passes", fmt.Sprint(c.ProbePasses), "0 (none) or more"},
		{c.ProbeWarmUp >= 0, "probe_warm_up", fmt.Sprint(c.ProbeWarmUp), "0 epochs or more"},
		{c.Floor >= minFloor && !math.IsInf(c.Floor, 0), "floor", fmt.Sprint(c.Floor), fmt.Sprintf("at least %g of the mean intensity", minFloor)},
		{c.Patterns >= 0, "n_images", fmt.Sprint(c.Patterns), "0 (all) or more"},
	}
	for _, check := range checks {
		if !check.ok {
			return &badinput.Error{Key: check.key, Found: check.found, Expected: check.expected}
		}
	}
	return c.Loss.validate(c.Mode)
}

// settled leaves out what has no meaning in the mode: patterns whose truth is known need no neighbours to agree with, so where
// one network sees every pattern by itself they come one by one.
func (c Config) settled() Config {
	if c.Mode == Supervised && c.Grouping == Shared {
		c.Gridsize, c.Neighbours, c.Oversample = 1, 0, 0
	}
	return c
}

// learnsProbe tells whether training moves the probe: where the truth is known there is no physics to move it.
func (c Config) learnsProbe() bool { return c.Probe == ProbeTrainable && c.Mode == Physics }

// lossText is what a model says of the loss.
func (c Config) lossText() string {
	if c.Mode == Supervised {
		return c.Loss.String() + ", supervised"
	}
	return c.Loss.String()
}
