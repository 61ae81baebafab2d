package dataset

import (
	"fmt"
	"log/slog"
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/source"
)

// ReadProbe reads the first mode of the probe in a file, (N, N), for patterns that were not cropped or binned. n 0
// takes a probe of any size. library is the HDF5 library, empty the usual one; log takes warnings. A file without a
// usable probe is a *badinput.Error.
func ReadProbe(path string, n int, library string, log *slog.Logger) (*ndarray.Complex64, error) {
	if n == 0 {
		var err error
		if n, err = probeSide(path, library); err != nil {
			return nil, err
		}
	}
	s := &Scan{Path: path, N: n, log: log, patterns: patterns{window: &window{height: n, width: n, size: n, bin: 1}}}
	if err := s.readProbe(path, library, false); err != nil {
		return nil, err
	}
	return s.Probe, nil
}

// probeSide is the number of rows of the probe in a file.
func probeSide(path, library string) (int, error) {
	file, err := OpenProbe(path, library)
	if err != nil {
		return 0, fmt.Errorf("reading the probe: %w", err)
	}
	defer file.Close()
	h, err := file.Header(KeyProbe)
	if err != nil {
		return 0, err
	}
	shape := h.Shape
	if len(shape) > 2 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	if len(shape) < 2 {
		return 0, file.Fault(KeyProbe, "shape "+h.ShapeText(), "complex (N, N)", "give another with --probe-file")
	}
	return shape[len(shape)-2], nil
}

// readProbe takes the probe from the scan, or from probeFile if one is given. An optional probe may be missing.
func (s *Scan) readProbe(probeFile, library string, optional bool) error {
	file := s.file
	if probeFile != "" && (s.file == nil || probeFile[0] != ':') {
		other, err := OpenProbe(probeFile, library)
		if err != nil {
			return fmt.Errorf("reading the probe: %w", err)
		}
		defer other.Close()
		file = other
	} else if _, present, err := s.optional(KeyProbe); err != nil {
		return err
	} else if !present {
		if optional {
			return nil
		}
		return s.Fault(KeyProbe, "no probe, "+contents(s.file), "complex (N, N)",
			"give a file with a probe as --probe-file; ptyx probe makes one")
	}
	modes, err := s.probeModes(file)
	if err != nil {
		return err
	}
	if count := modes.Shape[0]; count > 1 {
		s.log.Warn("only the first probe mode is used", "file", file.Path(), "key", file.Place(KeyProbe), "modes",
			count)
	}
	s.Modes = modes
	// Cloned, so that keeping the first mode does not keep all of them.
	s.Probe = ndarray.Wrap(modes.Data[:s.N*s.N], s.N, s.N).Clone()
	return nil
}

// probeModes reads the probe as modes (P, N, N). It drops a trailing axis of 1, and takes the first of states
// (K, P, N, N), which change the probe from pattern to pattern. A probe of the full detector's patterns is resampled to
// the window.
func (s *Scan) probeModes(file *source.Source) (*ndarray.Complex64, error) {
	n, w := s.N, s.patterns.window
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
	height, width, r := 0, 0, len(shape)
	if r >= 2 {
		height, width = shape[r-2], shape[r-1]
	}
	full := !w.plain() && height == w.height && width == w.width && (height != n || width != n)
	if !full && (height != n || width != n) {
		return nil, file.Fault(KeyProbe, "shape "+h.ShapeText(),
			fmt.Sprintf("(%d, %d), the size of the patterns", n, n),
			"crop or pad it, or give another with --probe-file")
	}
	all, err := file.Complex64(KeyProbe)
	if err != nil {
		return nil, err
	}
	size, count := height*width, 1
	if r > 2 {
		count = min(shape[r-3], len(all.Data)/size)
	}
	if count == 0 {
		return nil, file.Fault(KeyProbe, "shape "+h.ShapeText(), "at least one mode", "")
	}
	modes := ndarray.Wrap(all.Data[:count*size], count, height, width)
	if err := checkProbe(file, modes); err != nil {
		return nil, err
	}
	if !full {
		return modes, nil
	}
	s.log.Info("the probe is resampled to the part of the detector in use", "file", file.Path(), "shape", h.ShapeText())
	resampled := ndarray.New[complex64](count, n, n)
	for m := range count {
		one := w.probe(ndarray.Wrap(modes.Data[m*size:(m+1)*size], height, width))
		copy(resampled.Data[m*n*n:], one.Data)
	}
	return resampled, nil
}

// checkProbe refuses modes (P, N, N) with values that are not finite, and a first one without light.
func checkProbe(file *source.Source, modes *ndarray.Complex64) error {
	height, width := modes.Shape[1], modes.Shape[2]
	power := 0.0
	for i, p := range modes.Data {
		re, im := float64(real(p)), float64(imag(p))
		if v := re + im; math.IsNaN(v) || math.IsInf(v, 0) {
			found := fmt.Sprintf("%v at pixel (row %d, column %d)", p, i/width%height, i%width)
			return file.Fault(KeyProbe, found, "finite values", "")
		}
		if i < height*width {
			power += re*re + im*im
		}
	}
	if power == 0 {
		return file.Fault(KeyProbe, "a probe that is zero everywhere", "a probe with light",
			"give another with --probe-file")
	}
	return nil
}

// probe resamples a probe (height, width) of the full detector's far field to the window: a smaller part of the
// detector means larger object pixels, binned pixels a smaller field of view. It cuts the far field as the patterns are
// cut, around zero frequency, which keeps the power of that part, and then the middle of the field of view.
func (w *window) probe(full *ndarray.Complex64) *ndarray.Complex64 {
	cut := w.size * w.bin
	f := spectrum.New(w.height, w.width)
	for i, v := range full.Data {
		f.Data[i] = complex128(v)
	}
	f = f.Roll(-(w.height / 2), -(w.width / 2)) // its middle to [0, 0], where the transform has it
	f.FFT()
	f = f.Centre().Crop(w.height/2-cut/2, w.width/2-cut/2, cut, cut)
	f = f.Roll(-(cut / 2), -(cut / 2))
	f.IFFT()
	margin := cut/2 - w.size/2
	f = f.Centre().Crop(margin, margin, w.size, w.size)
	scale := math.Sqrt(float64(cut*cut) / float64(w.height*w.width)) // of transforms that keep power
	out := ndarray.New[complex64](w.size, w.size)
	for i, v := range f.Data {
		out.Data[i] = complex64(v * complex(scale, 0))
	}
	return out
}
