package survey

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"ptyx/internal/scan/source"
)

// quantity is one number of the optics: how to recognise it, and the flag that states it.
type quantity struct {
	role     Role
	flag     string
	unit     string                           // of the flag
	known    func(f source.Facts) float64     // in the unit of the flag; 0: the layout does not give it
	score    func(e source.Entry) float64     // 0: the array is not of this quantity
	value    func(e source.Entry) (v float64) // in the unit of the flag
	low, top float64                          // plausible values, in the unit of the flag
}

// quantities are all numbers of the optics.
var quantities = []quantity{
	{
		Energy, "--energy-ev", "eV", func(f source.Facts) float64 { return f.EnergyEV }, energyScore, energyValue, 50,
		500e3,
	},
	{
		Distance, "--distance-m", "m", func(f source.Facts) float64 { return f.DistanceM }, distanceScore,
		distanceValue,
		1e-3, 100,
	},
	{
		Pixel, "--detector-pixel-um", "um", func(f source.Facts) float64 { return 1e6 * f.DetectorPixelX }, pixelScore,
		pixelValue, 0.5, 2000,
	},
}

// guessOptics finds energy, distance and pixel size.
func (s *Survey) guessOptics() {
	for _, q := range quantities {
		for i := range s.Files {
			f := &s.Files[i]
			if f.known != nil && q.known(f.known.Facts) > 0 && i == 0 {
				s.Guesses = append(s.Guesses, Guess{
					Role: q.role, File: f.Path, Paths: []string{}, Known: true, score: knownScore,
					value: q.known(f.known.Facts), Flags: []string{},
					Why: fmt.Sprintf("%.6g %s, by the layout", q.known(f.known.Facts), q.unit),
				})
			}
			for _, e := range f.Entries {
				if e.Number == nil {
					continue
				}
				score, v := q.score(e), q.value(e)
				if score <= 0 || !(v >= q.low && v <= q.top) {
					continue
				}
				why := fmt.Sprintf("%.6g %s", v, q.unit)
				if e.Units == "" {
					why += ", the unit is a guess"
				}
				s.Guesses = append(s.Guesses, Guess{
					Role: q.role, File: f.Path, Paths: []string{e.Path}, Why: why,
					Flags: []string{q.flag, fmt.Sprintf("%.6g", v)}, value: v,
					score: score - 0.1*float64(strings.Count(e.Path, "/")),
				})
			}
		}
	}
}

// words are those of the end of a path, without units.
func words(e source.Entry) []string { return source.WordsOf(path.Base(e.Path)) }

// any reports whether one of the words is among those.
func among(words []string, those ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(those, w) })
}

// isWavelength reports whether a name is that of a wavelength.
func isWavelength(e source.Entry) bool { return among(words(e), "wavelength", "lambda") }

func energyScore(e source.Entry) float64 {
	w := words(e)
	switch {
	case among(w, "threshold", "machine", "ring", "electron", "current", "transfer", "resolution", "spread", "gap"):
		return 0
	case among(w, "energy"):
		score := 10.0
		if among(w, "photon", "incident", "mono", "xray", "beam", "probe") ||
			among(source.WordsOf(path.Dir(e.Path)), "monochromator", "mono", "beam") {
			score += 3
		}
		return score
	case isWavelength(e):
		return 8
	}
	if _, known := source.ElectronVolts(e.Units); known {
		return 3 // whatever its name
	}
	return 0
}

func energyValue(e source.Entry) float64 {
	v := *e.Number
	if isWavelength(e) {
		size, known := source.Metres(e.Units)
		switch {
		case known:
			v *= size
		case v > 1e-4: // of a number without unit, ångströms
			v *= 1e-10
		}
		return source.Wavelength(v) // the same formula both ways
	}
	size, known := source.ElectronVolts(e.Units)
	switch {
	case known:
		return v * size
	case v < 1e-10: // of a number without unit, joules
		return v / source.Joules(1)
	case v < 200: // keV
		return 1e3 * v
	}
	return v
}

func distanceScore(e source.Entry) float64 {
	w := words(e)
	switch {
	case among(w, "source", "focus", "translation", "travel"):
		return 0
	case among(w, "camera") && among(w, "length"), among(w, "sdd"):
		return 8
	case among(w, "distance", "dist", "detdist"):
		if among(append(w, source.WordsOf(path.Dir(e.Path))...), "detector", "det", "eiger", "camera") {
			return 12
		}
		return 8
	case slices.Equal(w, []string{"zo"}), slices.Equal(w, []string{"z"}) && e.Units != "":
		return 6
	}
	return 0
}

func distanceValue(e source.Entry) float64 {
	v := max(*e.Number, -*e.Number)
	size, known := source.Metres(e.Units)
	switch {
	case known:
		return v * size
	case v > 50: // of a number without unit, millimetres
		return 1e-3 * v
	}
	return v
}

func pixelScore(e source.Entry) float64 {
	w := words(e)
	_, length := source.Metres(e.Units)
	switch {
	case among(w, "q", "k", "r", "reciprocal", "real"), e.Units != "" && !length:
		return 0 // a step of diffraction space or of the raster, as EMD has them
	case among(w, "object", "recon", "reconstruction", "mask", "offset", "number"):
		return 0
	case among(w, "pixel", "pixelsize", "pix") && among(w, "size", "width", "pixelsize", "pitch", "height"):
		if among(w, "y", "height") {
			return 9
		}
		return 10
	case among(w, "psize", "dxd", "pixelsize"), among(w, "pixel") && e.Units != "" && among(w, "ccd", "detector"):
		return 8
	case length && (slices.Equal(w, []string{"pix"}) || slices.Equal(w, []string{"pixel"})):
		return 6
	}
	return 0
}

func pixelValue(e source.Entry) float64 {
	v := *e.Number
	size, known := source.Metres(e.Units)
	switch {
	case known:
		return 1e6 * v * size
	case v < 5e-3: // of a number without unit, metres
		return 1e6 * v
	case v < 1: // millimetres
		return 1e3 * v
	}
	return v
}
