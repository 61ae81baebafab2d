package trainer

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
)

// Term names what a loss compares measured and modelled patterns by.
type Term string

// The terms.
const (
	Poisson Term = "poisson" // negative log-likelihood of the counts, nats per photon above the floor
	MAE     Term = "mae"     // mean absolute error of the amplitudes; with supervision of the object's amplitude and phase factor
)

// UnmarshalText reads a term from a flag.
func (t *Term) UnmarshalText(text []byte) error {
	switch Term(text) {
	case Poisson, MAE:
		*t = Term(text)
		return nil
	}
	return fmt.Errorf("found %q, expected poisson or mae", text)
}

// Loss is the term alone.
func (t Term) Loss() Loss {
	if t == MAE {
		return Loss{MAE: 1}
	}
	return Loss{Poisson: 1}
}

// Loss is the weighted sum that training lowers. A term of weight 0 is left out of the graph.
type Loss struct {
	Poisson    float64 `yaml:"poisson"`    // weight of the negative log-likelihood
	MAE        float64 `yaml:"mae"`        // of the amplitudes' mean absolute error
	Smoothness float64 `yaml:"smoothness"` // of the object's total variation where the probe lights it
}

// String is the loss as a formula: "poisson", "0.5 poisson + 0.1 mae".
func (l Loss) String() string {
	var parts []string
	for _, t := range []struct {
		weight float64
		name   string
	}{{l.Poisson, string(Poisson)}, {l.MAE, string(MAE)}, {l.Smoothness, "smoothness"}} {
		switch t.weight {
		case 0:
		case 1:
			parts = append(parts, t.name)
		default:
			parts = append(parts, strconv.FormatFloat(t.weight, 'g', -1, 64)+" "+t.name)
		}
	}
	return strings.Join(parts, " + ")
}

// validate reports the first weight that makes no sense.
func (l Loss) validate(mode Mode) error {
	for _, w := range []struct {
		key   string
		value float64
	}{{"poisson_weight", l.Poisson}, {"mae_weight", l.MAE}, {"smoothness", l.Smoothness}} {
		if !(w.value >= 0) || math.IsInf(w.value, 0) {
			return &badinput.Error{Key: w.key, Found: fmt.Sprint(w.value), Expected: "0 or a positive number"}
		}
	}
	if mode == Supervised && l.Poisson != 0 {
		return &badinput.Error{Key: "poisson_weight", Found: fmt.Sprint(l.Poisson), Expected: "0 with mode supervised", Remedy: "compare with the truth by --loss mae: it holds no photons"}
	}
	if l.Poisson == 0 && l.MAE == 0 {
		return &badinput.Error{Key: "poisson_weight, mae_weight", Found: "0 and 0", Expected: "at least one above 0", Remedy: "a loss has to look at the patterns"}
	}
	return nil
}
