package source

import (
	"maps"
	"math"
	"slices"
	"strings"

	"ptyx/internal/base/choice"
)

// joulesPerEV is the charge of an electron, exact since 2019.
const joulesPerEV = 1.602176634e-19

// planckC is h c in eV m, of exact constants.
const planckC = 6.62607015e-34 * 299792458 / joulesPerEV

// Wavelength is the wavelength in metres of photons of an energy in eV.
func Wavelength(energyEV float64) float64 { return planckC / energyEV }

// EnergyOf is the energy in eV of a photon of a wavelength in metres.
func EnergyOf(wavelength float64) float64 { return planckC / wavelength }

// electronRest is the rest energy of an electron in eV.
const electronRest = 510998.95

// PhotonEnergy is the energy of photons in eV that have the wavelength of electrons of an energy in eV, as accelerated
// by so many volts. The wavelength of electrons is h c / sqrt(E (E + 2 m c^2)).
func PhotonEnergy(electronEV float64) float64 {
	return math.Sqrt(electronEV * (electronEV + 2*electronRest))
}

// Joules turns an energy in eV into joules.
func Joules(energyEV float64) float64 { return energyEV * joulesPerEV }

// Unit is the unit of positions. The zero value leaves it to the file.
type Unit string

// Pixels are those of the object. The other units are lengths.
const Pixels Unit = "px"

// Units are the units that a user may state.
var Units = []Unit{Pixels, "m", "mm", "um", "nm"}

// UnmarshalText reads a unit from a flag or a file of settings.
func (u *Unit) UnmarshalText(text []byte) error { return choice.Set(u, text, Units...) }

// MarshalText writes the unit.
func (u Unit) MarshalText() ([]byte, error) { return []byte(u), nil }

// lengths are metres in a unit of length, by its spellings in files, in lower case.
var lengths = map[string]float64{
	"m": 1, "metre": 1, "metres": 1, "meter": 1, "meters": 1,
	"mm": 1e-3, "millimetre": 1e-3, "millimetres": 1e-3, "millimeter": 1e-3, "millimeters": 1e-3,
	"um": 1e-6, "µm": 1e-6, "μm": 1e-6, "micron": 1e-6, "microns": 1e-6,
	"micrometre": 1e-6, "micrometres": 1e-6, "micrometer": 1e-6, "micrometers": 1e-6,
	"nm": 1e-9, "nanometre": 1e-9, "nanometres": 1e-9, "nanometer": 1e-9, "nanometers": 1e-9,
	"cm": 1e-2, "centimetre": 1e-2, "centimeter": 1e-2,
	"a": 1e-10, "å": 1e-10, "ang": 1e-10, "angstrom": 1e-10, "angstroms": 1e-10, "pm": 1e-12, "picometer": 1e-12,
}

// energies are electronvolts in a unit of energy, by its spellings in files, in lower case.
var energies = map[string]float64{
	"ev": 1, "electronvolt": 1, "electronvolts": 1, "kev": 1e3,
	"j": 1 / joulesPerEV, "joule": 1 / joulesPerEV, "joules": 1 / joulesPerEV,
}

// pixelNames are spellings of the unit of object pixels.
var pixelNames = []string{"px", "pix", "pixel", "pixels"}

// scaleOf is the size of a unit in the base unit of a table, lengths or energies.
func scaleOf(table map[string]float64, unit string) (scale float64, known bool) {
	scale, known = table[strings.ToLower(strings.TrimSpace(unit))]
	return scale, known
}

// spellings are those of a table, for a message.
func spellings(table map[string]float64) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}

// Metres is the size of a unit of length in metres, by any of its spellings.
func Metres(unit string) (size float64, known bool) { return scaleOf(lengths, unit) }

// ElectronVolts is the size of a unit of energy in eV, by any of its spellings.
func ElectronVolts(unit string) (size float64, known bool) { return scaleOf(energies, unit) }
