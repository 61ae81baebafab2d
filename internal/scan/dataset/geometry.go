package dataset

import (
	"cmp"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/source"
)

// Geometry is what is known of the experiment, in metres and eV. A field is 0 or nil if it is not known.
type Geometry struct {
	EnergyEV       float64       // of a photon of the wavelength, also if the beam is one of electrons
	DistanceM      float64       // from sample to detector
	DetectorPixelX float64       // of the patterns: binned pixels are larger
	DetectorPixelY float64       // of the patterns
	PixelX, PixelY float64       // of the object
	Origin         *source.Point // of the object's pixel (0, 0), in the frame of the beam
}

// Sampling is the grid of a probe (n, n). Wavelength and pixel are 0 if they are not known.
func (g Geometry) Sampling(n int) optics.Sampling {
	s := optics.Sampling{N: n, Pixel: g.PixelX}
	if g.EnergyEV > 0 {
		s.Wavelength = source.Wavelength(g.EnergyEV)
	}
	return s
}

// Geometry gathers what the flags state, else the first file that does. It has no Origin.
func (v View) Geometry(files ...source.Facts) Geometry {
	micrometres, nanometres := 1e-6*v.DetectorPixelUM, 1e-9*v.PixelSizeNM
	energy := v.EnergyEV
	if v.Electrons || slices.ContainsFunc(files, func(f source.Facts) bool { return f.Electrons }) {
		energy = source.PhotonEnergy(energy)
	}
	g := Geometry{
		EnergyEV: energy, DistanceM: v.DistanceM,
		DetectorPixelX: micrometres, DetectorPixelY: micrometres, PixelX: nanometres, PixelY: nanometres,
	}
	for _, f := range files {
		g.EnergyEV, g.DistanceM = cmp.Or(g.EnergyEV, f.EnergyEV), cmp.Or(g.DistanceM, f.DistanceM)
		g.DetectorPixelX = cmp.Or(g.DetectorPixelX, f.DetectorPixelX)
		g.DetectorPixelY = cmp.Or(g.DetectorPixelY, f.DetectorPixelY)
		g.PixelX, g.PixelY = cmp.Or(g.PixelX, f.PixelX), cmp.Or(g.PixelY, f.PixelY)
	}
	return g
}

// BySample reports whether positions in metres are the sample's: as the flag states it, else the file.
func (v View) BySample(f source.Facts) bool {
	if v.SampleMotion != nil {
		return *v.SampleMotion
	}
	return f.SampleMotion
}

// readGeometry gathers what the flags, the scan's file and that of the positions state, for the patterns of the window.
func (s *Scan) readGeometry(v View, p *positions) {
	own, other, w := s.file.Facts, p.file.Facts, s.patterns.window
	s.PixelScale = w.pixelScale()
	scale := s.PixelScale.OrOne()
	// The file's own pixel belongs to the complete detector. Which part that of another file belongs to is unknown.
	own.PixelX, own.PixelY = own.PixelX*scale.X, own.PixelY*scale.Y
	if scale != frame.One {
		other.PixelX, other.PixelY = 0, 0
	}
	if other.PixelScale.OrOne() != frame.One { // a result of a view of its scan, whose pixels are not this scan's
		other.PixelX, other.PixelY, other.DetectorPixelX, other.DetectorPixelY = 0, 0, 0, 0
	}
	g := v.Geometry(own, other)
	g.DetectorPixelX, g.DetectorPixelY = float64(w.bin)*g.DetectorPixelX, float64(w.bin)*g.DetectorPixelY
	g.PixelX = cmp.Or(g.PixelX, g.farField(g.DetectorPixelX, s.N))
	g.PixelY = cmp.Or(g.PixelY, g.farField(g.DetectorPixelY, s.N))
	s.Geometry = g
}

// farField is the width of an object's pixel behind a far field of n pixels: wavelength times distance over the
// detector's width. It is 0 where something is not known.
func (g *Geometry) farField(pixel float64, n int) float64 {
	if g.EnergyEV == 0 || g.DistanceM == 0 || pixel == 0 {
		return 0
	}
	return source.Wavelength(g.EnergyEV) * g.DistanceM / (pixel * float64(n))
}
