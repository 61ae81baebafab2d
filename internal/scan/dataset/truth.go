package dataset

import (
	"fmt"
	"slices"

	"ptyx/internal/format/npz"
)

// TruthKind says where a scan's truth is.
type TruthKind int

// The kinds.
const (
	TruthPatches TruthKind = iota // under KeyTruth, a patch for each pattern
	TruthObject                   // in Object, to be cut at the patterns' positions
)

// Truth finds the truth that the scan carries: its patches, or else its object. A scan with neither, or with an object
// that shows nothing, is a *badinput.Error.
func (s *Scan) Truth() (TruthKind, error) {
	const expected, remedy = "the true patches Y (M, N, N) or the object objectGuess (H, W), complex", "add one of them, or train with --mode physics, which needs no truth"
	h, present, err := s.optional(KeyTruth)
	switch {
	case err != nil:
		return 0, err
	case present:
		return TruthPatches, s.checkTruth(h)
	case s.Object == nil:
		return 0, s.fault(KeyTruth, "no truth, "+s.names(), expected, remedy)
	}
	for _, v := range s.Object.Data {
		if v != s.Object.Data[0] {
			return TruthObject, nil
		}
	}
	return 0, s.fault(KeyObject, "an object that is the same everywhere", expected, remedy)
}

// checkTruth holds the patches' header to the patterns.
func (s *Scan) checkTruth(h npz.Header) error {
	shape := h.Shape
	if len(shape) == 4 && shape[3] == 1 {
		shape = shape[:3]
	}
	if h.Real() || !h.Numeric() {
		return s.fault(KeyTruth, h.Describe(), "complex patches", "save amplitude and phase as amplitude * exp(i phase)")
	}
	if want := []int{s.M, s.N, s.N}; !slices.Equal(shape, want) {
		return s.fault(KeyTruth, "shape "+h.ShapeText(), fmt.Sprintf("(%d, %d, %d), a patch for each pattern", s.M, s.N, s.N), "")
	}
	return nil
}

// ReadTruth reads the true patch of pattern ids[i] into[i], which holds N*N pairs of real and imaginary part. Reading ends
// after the last patch wanted.
func (s *Scan) ReadTruth(ids []int, into [][]float32) error {
	patches, err := s.file.Pairs(KeyTruth)
	if err != nil {
		return err
	}
	defer patches.Close()
	return s.pick(patches.Next, 2*s.N*s.N, ids, into)
}
