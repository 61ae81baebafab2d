package source

// joulesPerEV is the charge of an electron, exact since 2019.
const joulesPerEV = 1.602176634e-19

// planckC is h c in eV m, of exact constants.
const planckC = 6.62607015e-34 * 299792458 / joulesPerEV

// Wavelength is the wavelength in metres of photons of an energy in eV.
func Wavelength(energyEV float64) float64 { return planckC / energyEV }

// Joules turns an energy in eV into joules.
func Joules(energyEV float64) float64 { return energyEV * joulesPerEV }
