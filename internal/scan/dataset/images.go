package dataset

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
)

// OpenImages makes a scan of patterns that come one by one, from a detector: Amplitudes turns its images into patterns.
// Of opt, it uses what concerns patterns. The scan has no positions.
//
// As of a file, the first image shows which pixels are gaps: those from the count on that the detector states as limit.
func OpenImages(images source.Images, opt Options) (*Scan, error) {
	if err := CheckImages(images.Address, opt.View); err != nil {
		return nil, err
	}
	opt.Growing, opt.Part, opt.Orientation = false, true, FramesFirst
	opt.NoPositions, opt.NoProbe, opt.NoObject = true, true, true
	opt.View.PositionsFile, opt.View.X, opt.View.Y, opt.View.Unit = "", "", "", ""
	opt.View.Raster, opt.View.StepNM = source.Raster{}, 0
	return newScan(source.FromImages(images), opt)
}

// CheckImages refuses a view of images from an address that none of them can have.
func CheckImages(address string, v View) error {
	if v.Crop.Auto { // a single pattern has the shape of the object, and is no measure of the centre
		return &badinput.Error{
			File: address, Key: "--crop", Found: "auto", Expected: "SIZE or SIZE@ROW,COLUMN for single images",
			Remedy: "find the crop of an earlier scan with ptyx validate --crop auto",
		}
	}
	return v.check()
}

// Amplitudes makes the pattern (N, N) of an image of the detector, as Frames does for the images of a file. It changes
// the image. Several goroutines may call it.
func (s *Scan) Amplitudes(pattern, image []float32, number int) error {
	s.patterns.window.apply(pattern, image)
	if err := s.toAmplitudes(pattern, number); err != nil {
		return err
	}
	s.checkForCounts(pattern)
	return nil
}

// Places are positions from a file of their own, in its order and unit.
type Places struct {
	IDs    []int64 // (M,) of the frames; nil: the file has none
	X, Y   []float64
	Metres bool // else object pixels

	SampleMotion bool // they are the sample's by the file's layout; else the beam's
}

// OpenPlaces reads the positions of View.PositionsFile, which may grow.
func OpenPlaces(v View) (*Places, error) {
	path, points := split(v.PositionsFile)
	o := v.options(source.Places{Points: points, X: v.X, Y: v.Y, Unit: v.Unit})
	o.Positions = true
	file, err := source.OpenGrowing(path, o)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &Places{Metres: file.Facts.Metres, SampleMotion: file.Facts.SampleMotion}
	if p.X, err = file.Float64s(KeyX); err != nil {
		return nil, err
	}
	if p.Y, err = file.Float64s(KeyY); err != nil {
		return nil, err
	}
	for _, key := range []string{source.FrameIDs, source.PositionIndex} {
		if !file.Has(key) {
			continue
		}
		p.IDs, err = file.Int64s(key)
		return p, err
	}
	return p, nil
}
