package trainer

import (
	"encoding"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/models"
)

func TestValidateNamesTheSetting(t *testing.T) {
	t.Parallel()
	good := small()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	nan, inf := math.NaN(), math.Inf(1)
	for key, faults := range map[string][]func(*Config){
		"gridsize": {func(c *Config) { c.Gridsize = 0 }, func(c *Config) { c.Gridsize = 17 }},
		"neighbours": {func(c *Config) { c.Gridsize, c.Neighbours = 2, 2 },
			func(c *Config) { c.Neighbours = -1 }},
		"oversample": {func(c *Config) { c.Oversample = 0 }, func(c *Config) { c.Oversample = -1 }},
		"max_epochs": {func(c *Config) { c.MaxEpochs = AutoEpochs - 1 }},
		"batch_size": {func(c *Config) { c.BatchSize = 0 }},
		"learning_rate": {func(c *Config) { c.LearningRate = 0 }, func(c *Config) { c.LearningRate = nan },
			func(c *Config) { c.LearningRate = inf }},
		"clip":       {func(c *Config) { c.Clip = -1 }, func(c *Config) { c.Clip = nan }},
		"early_stop": {func(c *Config) { c.EarlyStop = -1 }},
		"warm_up":    {func(c *Config) { c.WarmUp = nan }, func(c *Config) { c.WarmUp = inf }},
		"val_fraction": {func(c *Config) { c.ValFraction = 1 }, func(c *Config) { c.ValFraction = -0.1 },
			func(c *Config) { c.ValFraction = nan }},
		"nphotons":      {func(c *Config) { c.Photons = -1 }, func(c *Config) { c.Photons = inf }},
		"probe_rate":    {func(c *Config) { c.ProbeRate = nan }},
		"probe_warm_up": {func(c *Config) { c.ProbeWarmUp = -1 }},
		"floor":         {func(c *Config) { c.Floor = 0 }},
		"n_images":      {func(c *Config) { c.Patterns = -1 }},
		"poisson_weight": {func(c *Config) { c.Loss.Poisson = -1 },
			func(c *Config) { c.Loss.Poisson = nan }, func(c *Config) { c.Mode = Supervised }},
		"mae_weight": {func(c *Config) { c.Loss.MAE = inf }},
		"smoothness": {func(c *Config) { c.Loss.Smoothness = -1 },
			func(c *Config) { c.Loss.Smoothness = nan }},
		"poisson_weight, mae_weight": {func(c *Config) { c.Loss = Loss{Smoothness: 1} }},
	} {
		for i, spoil := range faults {
			c := small()
			spoil(&c)
			var bad *badinput.Error
			if err := c.Validate(); !errors.As(err, &bad) || bad.Key != key {
				t.Errorf("%s, fault %d: error %v", key, i, err)
			}
		}
	}
}

func TestNamesFromFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		into   encoding.TextUnmarshaler
		accept []string
	}{
		{new(Term), []string{"poisson", "mae"}},
		{new(Schedule), []string{"constant", "cosine", "exponential", "plateau"}},
		{new(Mode), []string{"physics", "supervised"}},
		{new(Grouping), []string{"shared", "channels"}},
		{new(ProbeMode), []string{"fixed", "trainable"}},
	} {
		for _, name := range c.accept {
			if err := c.into.UnmarshalText([]byte(name)); err != nil {
				t.Errorf("%T: %v", c.into, err)
			}
		}
		for _, name := range []string{"", "Poisson", "none"} {
			if err := c.into.UnmarshalText([]byte(name)); err == nil {
				t.Errorf("%T takes %q", c.into, name)
			}
		}
	}
}

func TestConfigYAMLComesBack(t *testing.T) {
	t.Parallel()
	want := Config{
		Mode: Supervised, Gridsize: 2, Grouping: Channels, Neighbours: 6, Oversample: 5, Network: models.Unrolled,
		FiltersScale: 3, Extent: models.Full, Loss: Loss{Poisson: 0.25, MAE: 1, Smoothness: 1e-3}, Seed: 1<<64 - 1,
		MaxEpochs: 7,
		BatchSize: 5, LearningRate: 1.0 / 3, Schedule: Plateau, WarmUp: 0.1, Clip: 0.7, EarlyStop: 4, ValFraction: 0.15,
		Photons: 1e9, Probe: ProbeTrainable, ProbePasses: 8, ProbeRate: 0.3, ProbeWarmUp: 2, Patterns: 9, Floor: 0.01,
	}
	dir := t.TempDir()
	if err := SaveConfig(dir, want); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := yaml.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("read back %+v, want %+v", got, want)
	}
}

func TestSamplesOfAStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		grouping              Grouping
		gridsize, batch, have int
		want                  int
	}{
		{Shared, 1, 16, 100, 16}, {Shared, 1, 16, 5, 5}, {Shared, 2, 16, 100, 4}, {Shared, 2, 3, 100, 1},
		{Shared, 3, 20, 100, 2},
		{Channels, 2, 16, 100, 16}, {Channels, 2, 16, 3, 3},
	} {
		config := Config{Grouping: c.grouping, Gridsize: c.gridsize, BatchSize: c.batch}
		if got := config.samples(c.have); got != c.want {
			t.Errorf("%+v: %d samples", c, got)
		}
	}
}

func TestNetworkOfAConfig(t *testing.T) {
	t.Parallel()
	c := small()
	c.Gridsize = 3
	if n := c.NetworkConfig(0.5); n.Channels != 1 || n.InputScale != 0.5 || n.N != 64 {
		t.Errorf("shared patterns give %+v", n)
	}
	c.Grouping = Channels
	if n := c.NetworkConfig(0.5); n.Channels != 9 {
		t.Errorf("channels give %+v", n)
	}
	// A network of single patterns may be trained with any grid; one of several channels has its own built in.
	c.ApplyNetwork(contract.Contract{Gridsize: 2, Channels: 1, FiltersScale: 4, ObjectExtent: "full"})
	if c.Gridsize != 3 || c.Grouping != Shared || c.FiltersScale != 4 || c.Extent != models.Full {
		t.Errorf("a model of single patterns gives %+v", c)
	}
	c.ApplyNetwork(contract.Contract{Gridsize: 2, Channels: 4, FiltersScale: 1, ObjectExtent: "centre"})
	if c.Gridsize != 2 || c.Grouping != Channels || c.FiltersScale != 1 || c.Extent != models.Centre {
		t.Errorf("a model of four channels gives %+v", c)
	}
}

func TestLossInWords(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]Loss{
		"poisson": Poisson.Loss(), "mae": MAE.Loss(), "poisson + 0.1 mae": {Poisson: 1, MAE: 0.1},
		"0.5 poisson + mae + 0.001 smoothness": {Poisson: 0.5, MAE: 1, Smoothness: 1e-3},
	} {
		if got := l.String(); got != want {
			t.Errorf("%+v is %q, want %q", l, got, want)
		}
	}
}

// TestTheAmplitudesHaveAFloorOfTheirOwn: 3/8 of a photon, within limits, whatever the floor of the likelihood.
func TestTheAmplitudesHaveAFloorOfTheirOwn(t *testing.T) {
	t.Parallel()
	for photons, want := range map[float64]float64{
		1e5: 0.375 * 4096 / 1e5, 1e7: 0.375 * 4096 / 1e7, 1e10: minFloor, 1: 0.1,
	} {
		if got := amplitudeFloor(photons, 64); got != want {
			t.Errorf("%g photons: a floor of %g, want %g", photons, got, want)
		}
	}
}
