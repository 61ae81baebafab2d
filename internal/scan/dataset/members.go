package dataset

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/source"
)

// readProbe takes the probe from the scan, or from probeFile where one is given.
func (s *Scan) readProbe(probeFile, library string) error {
	file := s.file
	if probeFile != "" {
		other, err := source.Open(probeFile, library)
		if err != nil {
			return fmt.Errorf("reading the probe: %w", err)
		}
		defer other.Close()
		file = other
	} else if _, present, err := s.optional(KeyProbe); err != nil {
		return err
	} else if !present {
		return s.fault(KeyProbe, "no probe, "+s.names(), "complex (N, N)", "give a file that holds one with --probe-file")
	}
	all, err := s.probeOf(file)
	if err != nil {
		return err
	}
	if modes := all.Shape[0]; modes > 1 {
		s.log.Warn("only the first probe mode is used", "file", file.Path(), "key", file.Place(KeyProbe), "modes", modes)
	}
	s.Modes = all
	// Cloned, so that who asks for no more than the first mode keeps no more.
	s.Probe = ndarray.Wrap(all.Data[:s.N*s.N], s.N, s.N).Clone()
	return nil
}

// probeOf reads probeGuess as modes (P, N, N); a trailing axis of 1 is dropped, and of states (K, P, N, N), which change the probe from
// pattern to pattern, the first is taken. A probe that belongs to patterns of the whole detector is brought to the part of it that
// is looked at.
func (s *Scan) probeOf(file *source.Source) (*ndarray.Complex64, error) {
	n, w := s.N, s.patterns.window
	fault := func(found, expected, remedy string) error {
		return &badinput.Error{File: file.Path(), Key: file.Place(KeyProbe), Found: found, Expected: expected, Remedy: remedy}
	}
	h, err := file.Header(KeyProbe)
	if err != nil {
		return nil, err
	}
	if !h.Numeric() {
		_, err := file.Complex64(KeyProbe)
		return nil, err
	}
	shape := h.Shape
	if len(shape) > 2 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	r := len(shape)
	whole := r >= 2 && !w.plain() && shape[r-2] == w.height && shape[r-1] == w.width && (w.height != n || w.width != n)
	if r < 2 || !whole && (shape[r-1] != n || shape[r-2] != n) {
		return nil, fault("shape "+h.ShapeText(), fmt.Sprintf("(%d, %d), the size of the patterns", n, n),
			"crop or pad it, or give another with --probe-file")
	}
	all, err := file.Complex64(KeyProbe)
	if err != nil {
		return nil, err
	}
	size := shape[r-2] * shape[r-1]
	modes := 1
	if r > 2 {
		modes = min(shape[r-3], len(all.Data)/size)
	}
	if modes == 0 {
		return nil, fault("shape "+h.ShapeText(), "at least one mode", "")
	}
	probes := ndarray.Wrap(all.Data[:modes*size], modes, shape[r-2], shape[r-1])
	if fault := litProbe(probes, fault); fault != nil {
		return nil, fault
	}
	if whole {
		s.log.Info("the probe is brought to the part of the detector that is looked at", "file", file.Path(), "shape", h.ShapeText())
		probes = w.probes(probes)
	}
	return probes, nil
}

// litProbe refuses modes with values that are not finite, and a first one without light.
func litProbe(probes *ndarray.Complex64, fault func(found, expected, remedy string) error) error {
	height, width := probes.Shape[1], probes.Shape[2]
	power := 0.0
	for i, p := range probes.Data {
		re, im := float64(real(p)), float64(imag(p))
		if v := re + im; math.IsNaN(v) || math.IsInf(v, 0) {
			return fault(fmt.Sprintf("%v at pixel (row %d, column %d)", p, i/width%height, i%width), "finite values", "")
		}
		if i < height*width {
			power += re*re + im*im
		}
	}
	if power == 0 {
		return fault("a probe that is zero everywhere", "an illumination", "give another with --probe-file")
	}
	return nil
}

// readObject reads the object, which only metrics need: one that is no complex picture is left out with a warning.
func (s *Scan) readObject(p *placing) error {
	h, present, err := s.optional(KeyObject)
	if err != nil || !present {
		return err
	}
	if w := s.patterns.window; p.moved || p.other || w.size*w.bin != w.height || w.height != w.width {
		s.log.Info("the object is left out: with other axes, positions or part of the detector it does not lie under the scan", "file", s.Path, "key", s.file.Place(KeyObject))
		return nil
	}
	picture := squeeze(h.Shape)
	if len(picture) != 2 || !h.Numeric() {
		s.log.Warn("the object is left out: it is no complex (H, W)", "file", s.Path, "key", KeyObject, "shape", h.ShapeText(), "dtype", h.Dtype)
		return nil
	}
	object, err := s.file.Complex64(KeyObject)
	if err != nil {
		return err
	}
	s.Object = ndarray.Wrap(object.Data, picture...)
	return nil
}

// squeeze drops axes of length 1 at either end, down to two axes.
func squeeze(shape []int) []int {
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	for len(shape) > 2 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}
