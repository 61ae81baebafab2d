package trainer

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/models"
)

// PretrainConfig is everything that decides a pretraining. DefaultPretrainConfig returns the values of ptyx pretrain.
type PretrainConfig struct {
	Seed         uint64       `yaml:"seed"`     // of parameters and samples
	Patterns     int          `yaml:"patterns"` // of the complete training
	FiltersScale int          `yaml:"n_filters_scale"`
	Sizes        []SizeShare  `yaml:"sizes"`         // of the patterns; the parameters serve all
	BatchSize    int          `yaml:"batch_size"`    // patterns per step
	Group        int          `yaml:"group"`         // neighbouring patterns of one object
	Shards       int          `yaml:"shards"`        // equal parts of a step; one thread computes each
	LearningRate float64      `yaml:"learning_rate"` // at its peak
	WarmUp       int          `yaml:"warm_up"`       // patterns in which the learning rate rises from 0
	Round        int          `yaml:"round"`         // patterns between two reports, each of which saves the state
	Clarity      float64      `yaml:"clarity"`       // preference for patterns that show their object; 0: none
	SolvedShare  float64      `yaml:"with_share"`    // of samples from solved scans, if there are any
	Loss         PretrainLoss `yaml:",inline"`
	N            int          `yaml:"n"` // side of the patterns of the model that is written
	Threads      int          `yaml:"-"` // that make samples and add gradients; the result does not depend on it
}

// DefaultPretrainConfig returns the values that ptyx pretrain uses where no flag is given.
func DefaultPretrainConfig() PretrainConfig {
	return PretrainConfig{
		Patterns: 1_000_000, FiltersScale: 2, BatchSize: 24, Group: 6, Shards: 4, LearningRate: 0.0015,
		WarmUp: 8192, Round: 24576,
		Sizes: []SizeShare{{64, 0.35}, {32, 0.6}, {96, 0.03}, {128, 0.02}},
		Loss:  PretrainLoss{Merged: 1, Middle: 0.5, Poisson: 0.1}, N: 64, SolvedShare: 0.25, Clarity: 0.5,
	}
}

// Network is the network for patterns of n pixels. Its inputs are normalised by the probe, so the scale of the input
// has no effect.
func (c PretrainConfig) Network(n int) models.Config {
	return models.Config{
		Kind: models.Unrolled, N: n, Channels: 1, FiltersScale: c.FiltersScale, Extent: models.Full, InputScale: 1,
		AmplitudeMax: models.DefaultAmplitudeMax,
	}
}

// steps is the number of steps in a round.
func (c PretrainConfig) steps() int { return max(1, c.Round/c.BatchSize) }

// rounds is the number of rounds of the complete training.
func (c PretrainConfig) rounds() int {
	each := c.steps() * c.BatchSize
	return (c.Patterns + each - 1) / each
}

// course is the learning rate as the trainer's schedules compute it, with rounds for epochs.
func (c PretrainConfig) course() Config {
	return Config{
		LearningRate: c.LearningRate, Schedule: Cosine, MaxEpochs: Epochs(c.rounds()),
		WarmUp: float64(c.WarmUp) / float64(c.steps()*c.BatchSize), Threads: c.Threads,
	}
}

// Validate reports the first setting that makes no sense, as a *badinput.Error.
func (c PretrainConfig) Validate() error {
	shard := c.BatchSize / max(1, c.Shards)                               // patterns
	usable := func(v float64) bool { return v >= 0 && !math.IsInf(v, 0) } // or 0; false for NaN
	for _, check := range []struct {
		ok       bool
		key      string
		found    any
		expected string
	}{
		{c.Patterns >= 1, "--patterns", c.Patterns, "1 or more"},
		{c.BatchSize >= 1, "--batch-size", c.BatchSize, "1 or more"},
		{
			c.Shards >= 1 && c.Shards <= c.BatchSize && c.BatchSize%c.Shards == 0, "--shards", c.Shards,
			fmt.Sprintf("a divisor of the %d patterns of a step", c.BatchSize),
		},
		{
			c.Group >= 1 && c.Group <= shard && shard%c.Group == 0, "--group", c.Group,
			fmt.Sprintf("a divisor of the %d patterns of a shard", shard),
		},
		{usable(c.LearningRate) && c.LearningRate > 0, "--learning-rate", c.LearningRate, "a positive number"},
		{c.WarmUp >= 0, "--warm-up", c.WarmUp, "0 patterns or more"},
		{c.Round >= c.BatchSize, "--round", c.Round, "at least --batch-size"},
		{usable(c.Loss.Merged), "--merged-weight", c.Loss.Merged, "0 or a positive number"},
		{usable(c.Loss.Middle), "--middle-weight", c.Loss.Middle, "0 or a positive number"},
		{usable(c.Loss.Poisson), "--poisson-weight", c.Loss.Poisson, "0 or a positive number"},
		{usable(c.Clarity), "--clarity", c.Clarity, "0 or a positive number"},
		{c.SolvedShare >= 0 && c.SolvedShare <= 1, "--with-share", c.SolvedShare, "0 to 1"},
		{len(c.Sizes) > 0, "sizes", "none", "at least one size of patterns"},
	} {
		if !check.ok {
			return &badinput.Error{Key: check.key, Found: fmt.Sprint(check.found), Expected: check.expected}
		}
	}
	for _, size := range c.Sizes {
		if !(size.Share > 0) || math.IsInf(size.Share, 0) {
			return &badinput.Error{Key: "sizes", Found: fmt.Sprint(size.Share), Expected: "positive shares"}
		}
		if err := c.Network(size.N).Validate(); err != nil {
			return err
		}
	}
	return c.Network(c.N).Validate()
}
