package workflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// Optic names what makes the probe of ptyx probe.
type Optic string

// The optics.
const (
	OfPatterns Optic = "patterns" // no model: the probe that explains the patterns
	ZonePlate  Optic = "zoneplate"
	Mirrors    Optic = "kb"
	Pinhole    Optic = "pinhole"
	Gaussian   Optic = "gaussian"
)

// Pair is a length for rows and one for columns, "0.2" or "0.2,0.1" in text.
type Pair [2]float64

// UnmarshalText reads one number for both, or two.
func (p *Pair) UnmarshalText(text []byte) error {
	first, second, two := strings.Cut(string(text), ",")
	if !two {
		second = first
	}
	for i, part := range []string{first, second} {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return fmt.Errorf("found %q, expected a number, or two with a comma between: that of rows first", text)
		}
		p[i] = v
	}
	return nil
}

// OpticValues are the measures of an optic, in the units of the flags; 0 is one that was not given.
type OpticValues struct {
	ApertureUM, FocalMM       Pair
	ZoneNM, StopUM, DefocusUM float64
}

// flags are the values with their flags.
func (v OpticValues) flags() []struct {
	name  string
	given bool
} {
	return []struct {
		name  string
		given bool
	}{
		{"--aperture-um", v.ApertureUM != Pair{}}, {"--focal-mm", v.FocalMM != Pair{}}, {"--zone-nm", v.ZoneNM != 0},
		{"--stop-um", v.StopUM != 0}, {"--defocus-um", v.DefocusUM != 0},
	}
}

// opticModel is a row of the table of optics.
type opticModel struct {
	name         Optic
	needs, takes []string // flags
	probe        func(v OpticValues, s optics.Sampling) (*ndarray.Complex64, error)
}

// opticModels are all optics with a model.
func opticModels() []opticModel {
	return []opticModel{
		{ZonePlate, []string{"--aperture-um", "--zone-nm"}, []string{"--stop-um", "--defocus-um"},
			func(v OpticValues, s optics.Sampling) (*ndarray.Complex64, error) {
				return optics.ZonePlate{
					Diameter: 1e-6 * v.ApertureUM[0], OuterZone: 1e-9 * v.ZoneNM, Stop: 1e-6 * v.StopUM,
					Defocus: 1e-6 * v.DefocusUM,
				}.Probe(s)
			}},
		{Mirrors, []string{"--aperture-um", "--focal-mm"}, []string{"--defocus-um"},
			func(v OpticValues, s optics.Sampling) (*ndarray.Complex64, error) {
				return optics.Mirrors{
					Aperture: [2]float64{1e-6 * v.ApertureUM[0], 1e-6 * v.ApertureUM[1]},
					Focus:    [2]float64{1e-3 * v.FocalMM[0], 1e-3 * v.FocalMM[1]},
					Defocus:  1e-6 * v.DefocusUM,
				}.Probe(s)
			}},
		{Pinhole, []string{"--aperture-um"}, []string{"--defocus-um"},
			func(v OpticValues, s optics.Sampling) (*ndarray.Complex64, error) {
				return optics.Pinhole{Diameter: 1e-6 * v.ApertureUM[0], Distance: 1e-6 * v.DefocusUM}.Probe(s)
			}},
		{Gaussian, []string{"--aperture-um"}, []string{"--defocus-um"},
			func(v OpticValues, s optics.Sampling) (*ndarray.Complex64, error) {
				return optics.GaussianBeam{Width: 1e-6 * v.ApertureUM[0], Defocus: 1e-6 * v.DefocusUM}.Probe(s)
			}},
	}
}

// UnmarshalText reads an optic from a flag.
func (o *Optic) UnmarshalText(text []byte) error {
	names := []Optic{OfPatterns}
	for _, m := range opticModels() {
		names = append(names, m.name)
	}
	return choice.Set(o, text, names...)
}

// model finds an optic's row, and refuses flags that are missing or mean nothing for it.
func (o Optic) model(v OpticValues) (opticModel, error) {
	m := opticModel{name: OfPatterns}
	for _, row := range opticModels() {
		if row.name == o {
			m = row
		}
	}
	for _, f := range v.flags() {
		needed := slices.Contains(m.needs, f.name)
		switch {
		case needed && !f.given:
			return m, &badinput.Error{
				Key: f.name, Found: "nothing", Expected: fmt.Sprintf("a value for --optic %s", m.name),
			}
		case f.given && !needed && !slices.Contains(m.takes, f.name):
			return m, &badinput.Error{
				Key: f.name, Found: fmt.Sprintf("a value, and --optic %s, which has none", m.name),
				Expected: "the flags of one optic", Remedy: "omit it, or choose another --optic",
			}
		}
	}
	return m, nil
}
