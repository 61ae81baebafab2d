package trainer

import (
	"testing"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// Large scans are trained in few epochs, small ones in many: the number of steps is about the same.
func TestEpochsFollowTheSizeOfTheScans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patterns []int
		change   func(*Config)
		want     Epochs
		further  bool // from the weights of another model
	}{
		{[]int{516}, nil, 16, false},
		{[]int{300}, nil, 28, false},
		{[]int{150, 150}, nil, 57, false},
		{[]int{9}, nil, 60, false},
		{[]int{100_000}, nil, 3, false},
		{[]int{516}, func(c *Config) { c.BatchSize = 16 }, 33, false},
		{[]int{516}, func(c *Config) { c.Oversample = 2 }, 8, false},
		{[]int{516}, func(c *Config) { c.Patterns = 20 }, 60, false},
		{[]int{1000}, func(c *Config) { c.Grouping = Channels }, 34, false},
		{[]int{516}, func(c *Config) { c.MaxEpochs = 0 }, 0, false},
		{[]int{516}, func(c *Config) { c.MaxEpochs = 7 }, 7, false},
		{[]int{516}, nil, 8, true},
		{[]int{100_000}, nil, 3, true},
		{[]int{516}, func(c *Config) { c.MaxEpochs = 7 }, 7, true},
	} {
		r := Request{Config: DefaultConfig()}
		for _, m := range c.patterns {
			r.Scans = append(r.Scans, &dataset.Scan{M: m})
		}
		if c.change != nil {
			c.change(&r.Config)
		}
		if c.further {
			r.Initial = []*ndarray.Float32{}
		}
		if got := r.Epochs(); got != c.want {
			t.Errorf("%+v: %v epochs, want %v", c.patterns, got, c.want)
		}
	}
}

func TestEpochsAsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Epochs{"auto": AutoEpochs, "0": 0, "12": 12} {
		var got struct {
			MaxEpochs Epochs `yaml:"max_epochs"`
		}
		line := "max_epochs: " + text + "\n"
		if err := yaml.Unmarshal([]byte(line), &got); err != nil || got.MaxEpochs != want {
			t.Errorf("%s: %v, %v", text, got.MaxEpochs, err)
		}
		if back, err := yaml.Marshal(got); err != nil || string(back) != line {
			t.Errorf("%s comes back as %q, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "-1", "-3", "1.5", "all"} {
		var e Epochs
		if err := e.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %v", text, e)
		}
	}
}
