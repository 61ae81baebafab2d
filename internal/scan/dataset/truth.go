package dataset

import (
	"fmt"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/resample"
	"ptyx/internal/scan/source"
)

// readObject reads the object, which only metrics and supervised training need. One that is not a complex image, or not
// under the scan, is left out with a message. If the detector is cropped, the object is resampled to its pixels.
func (s *Scan) readObject(p *positions) error {
	h, present, err := s.optional(KeyObject)
	if err != nil || !present {
		return err
	}
	if p.turned || p.separate {
		s.log.Info("the object is left out: the options move the scan off it",
			"file", s.Path, "key", s.file.Place(KeyObject))
		return nil
	}
	shape := Squeeze(h.Shape)
	if len(shape) != 2 || !h.Numeric() {
		s.log.Warn("the object is left out: it is not a complex (H, W)",
			"file", s.Path, "key", KeyObject, "shape", h.ShapeText(), "dtype", h.Dtype)
		return nil
	}
	object, err := s.file.Complex64(KeyObject)
	if err != nil {
		return err
	}
	s.Object = ndarray.Wrap(object.Data, shape...)
	if s.PixelScale.OrOne() == frame.One {
		return nil
	}
	s.log.Info("the object is resampled to the pixels of the part of the detector in use",
		"file", s.Path, "key", s.file.Place(KeyObject))
	s.Object, _, _ = resample.Complex(s.Object, 0, 0, s.PixelScale)
	return nil
}

// Squeeze drops axes of length 1 at either end of a shape, down to two axes.
func Squeeze(shape []int) []int {
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	for len(shape) > 2 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}

// TruthKind says where a scan's truth is.
type TruthKind int

const (
	// TruthPatches are under KeyTruth, a patch for each pattern.
	TruthPatches TruthKind = iota
	// TruthObject is Scan.Object, to be cut at the patterns' positions.
	TruthObject
)

// Truth finds the truth that the scan carries: its patches, or else its object. A scan with neither, or with an object
// without any structure, is a *badinput.Error.
func (s *Scan) Truth() (TruthKind, error) {
	fault := func(key, found string) error {
		return s.Fault(key, found, "the true patches Y (M, N, N) or the object objectGuess (H, W), complex",
			"add one of them, or train with --mode physics, which needs no truth")
	}
	h, present, err := s.optional(KeyTruth)
	switch {
	case err != nil:
		return 0, err
	case present:
		return TruthPatches, s.checkTruth(h)
	case s.Object == nil:
		return 0, fault(KeyTruth, "no truth, "+contents(s.file))
	}
	object := s.Object.Data
	if !slices.ContainsFunc(object, func(v complex64) bool { return v != object[0] }) {
		return 0, fault(KeyObject, "an object that is the same everywhere")
	}
	return TruthObject, nil
}

// checkTruth compares the header of the patches with the patterns.
func (s *Scan) checkTruth(h npz.Header) error {
	shape := h.Shape
	if len(shape) == 4 && shape[3] == 1 {
		shape = shape[:3]
	}
	if h.Real() || !h.Numeric() {
		return s.Fault(KeyTruth, h.Describe(), "complex patches",
			"save amplitude and phase as amplitude * exp(i phase)")
	}
	if want := []int{s.patterns.count, s.N, s.N}; !slices.Equal(shape, want) {
		return s.Fault(KeyTruth, "shape "+h.ShapeText(),
			fmt.Sprintf("(%d, %d, %d), a patch for each pattern", s.patterns.count, s.N, s.N), "")
	}
	return nil
}

// truthPatches begins to read the patches of the patterns, N*N pairs of real and imaginary part each.
func (s *Scan) truthPatches() (source.Stream, error) {
	patches, err := s.file.Pairs(KeyTruth)
	if err != nil {
		return nil, err
	}
	return s.picked(patches, 2*s.N*s.N), nil
}
