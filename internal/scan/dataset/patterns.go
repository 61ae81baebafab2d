package dataset

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"ptyx/internal/base/choice"
	"ptyx/internal/format/npz"
)

// Orientation says which axis of the array counts the patterns. The zero value counts as OrientationAuto.
type Orientation string

// The orientations.
const (
	OrientationAuto Orientation = "auto"         // by the shape
	FramesFirst     Orientation = "frames-first" // (M, N, N), the contract
	FramesLast      Orientation = "frames-last"  // (N, N, M), legacy files
)

// MarshalText writes the zero value as OrientationAuto.
func (o Orientation) MarshalText() ([]byte, error) { return []byte(cmp.Or(o, OrientationAuto)), nil }

// UnmarshalText reads an orientation from a flag.
func (o *Orientation) UnmarshalText(text []byte) error {
	return choice.Set(o, text, OrientationAuto, FramesFirst, FramesLast)
}

// patterns says where and how the file holds the diffraction patterns.
type patterns struct {
	key     string
	axes    []int   // for the source: the file's axes in the order (M, H, W[, 1])
	count   int     // in the file
	kept    []int   // (M,) the numbers in the file of those that have a position; nil: all
	integer bool    // elements are whole numbers by type
	ceiling float32 // the largest number of an unsigned type of 2 bytes or more; else 0
	window  *window // makes a pattern (N, N) of (H, W)
}

// findPatterns picks the diffraction array and checks its shape. positions settles doubtful orientations.
func (s *Scan) findPatterns(positions int, opt Options) (patterns, error) {
	var found []patterns
	for _, key := range []string{KeyPatterns, KeyPatternsAlias} {
		h, present, err := s.optional(key)
		if err != nil {
			return patterns{}, err
		}
		if !present {
			continue
		}
		p, err := s.describe(key, h, positions, opt)
		if err != nil {
			return patterns{}, err
		}
		found = append(found, p)
	}
	switch len(found) {
	case 0:
		return patterns{}, s.Fault(KeyPatterns, "no diffraction patterns, "+contents(s.file),
			fmt.Sprintf("real (M, N, N) under %s or %s", KeyPatterns, KeyPatternsAlias), s.otherPatterns())
	case 2:
		if err := s.sameContent(found[0], found[1]); err != nil {
			return patterns{}, err
		}
	}
	return found[0], nil
}

// otherPatterns is the remedy for a file without patterns. A result or a product has positions, and the patterns are
// in another file.
func (s *Scan) otherPatterns() string {
	if s.file.Has(KeyX) || s.file.Has(KeyProbe) {
		return "give the file of the patterns as the scan, and this one as --positions-file or --probe-file"
	}
	return "ptyx inspect lists the arrays; name that of the patterns as --patterns"
}

// describe finds M and N in a header.
func (s *Scan) describe(key string, h npz.Header, positions int, opt Options) (patterns, error) {
	const expected = "square patterns, shape (M, N, N)"
	if !h.Real() {
		return patterns{}, s.Fault(key, h.Describe(), "real amplitudes or counts (float32, float64 or integers)",
			h.Remedy())
	}
	shape, axes := h.Shape, []int{0, 1, 2}
	if len(shape) == 4 && shape[3] == 1 {
		shape, axes = shape[:3], append(axes, 3)
	}
	if len(shape) != 3 {
		return patterns{}, s.Fault(key, "shape "+h.ShapeText(), expected, "")
	}
	if s.framesLast(key, shape, positions, opt.Orientation) {
		shape = []int{shape[2], shape[0], shape[1]}
		copy(axes, []int{2, 0, 1})
	}
	if shape[0] == 0 {
		return patterns{}, s.Fault(key, "no pattern, shape "+h.ShapeText(), "at least one", "")
	}
	w, err := s.newWindow(key, h, shape[1], shape[2], opt.View)
	dtype := strings.TrimLeft(h.Dtype, "<>=")
	return patterns{key: key, axes: axes, count: shape[0], integer: h.Integer(), ceiling: ceilings[dtype], window: w},
		err
}

// ceilings are the largest numbers of the unsigned types of more than a byte.
var ceilings = map[string]float32{"u2": math.MaxUint16, "u4": math.MaxUint32, "u8": math.MaxUint64}

// framesLast decides whether the last axis counts the patterns, and logs it if so.
func (s *Scan) framesLast(key string, shape []int, positions int, o Orientation) bool {
	switch o {
	case FramesFirst:
		return false
	case FramesLast:
		return true
	}
	last := legacy(shape, positions)
	switch {
	case last:
		s.log.Warn("legacy layout (N, N, M): the last axis is taken to count the patterns",
			"file", s.Path, "key", s.file.Place(key), "shape", fmt.Sprint(shape))
	case shape[0] == shape[1] && shape[1] == shape[2]:
		s.log.Warn("as many patterns as pixels: the first axis is taken to count the patterns; if it is the last, "+
			"use --layout frames-last", "file", s.Path, "key", s.file.Place(key), "shape", fmt.Sprint(shape))
	}
	return last
}

// legacy is PtychoPINN's rule for (N, N, M), in its order: the pair of equal axes; else the axis as long as the
// positions; else the axis shorter than them; else the longest. A tie goes to the next rule, a cube to (M, N, N).
func legacy(shape []int, positions int) bool {
	rules := [][2]bool{ // for the first axis, for the last
		{shape[1] == shape[2], shape[0] == shape[1]},
		{shape[0] == positions, shape[2] == positions},
		{shape[0] < positions, shape[2] < positions},
	}
	for _, r := range rules {
		if r[0] != r[1] {
			return r[1]
		}
	}
	return shape[2] > max(shape[0], shape[1])
}

// sameContent compares the two names' arrays, value by value.
func (s *Scan) sameContent(a, b patterns) error {
	differ := func(found string) error {
		return s.Fault(KeyPatternsAlias, found, "the same as "+KeyPatterns, "leave one of the two out")
	}
	if a.count != b.count || a.window.height != b.window.height || a.window.width != b.window.width {
		return differ(fmt.Sprintf("%d patterns of %d x %d pixels", b.count, b.window.height, b.window.width))
	}
	if a.integer != b.integer {
		return differ("values of another type")
	}
	sa, err := s.file.Stream(a.key, a.axes...)
	if err != nil {
		return err
	}
	defer sa.Close()
	sb, err := s.file.Stream(b.key, b.axes...)
	if err != nil {
		return err
	}
	defer sb.Close()
	va, vb := make([]float32, a.window.pixels()), make([]float32, a.window.pixels())
	for frame := 0; ; frame++ {
		_, err := sa.Next(va)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := sb.Next(vb); err != nil {
			return err
		}
		if !slices.Equal(va, vb) {
			return differ(fmt.Sprintf("other values from frame %d on", frame))
		}
	}
}

// PatternsKey is the file's own name of the patterns, for messages.
func (s *Scan) PatternsKey() string { return s.file.Place(s.patterns.key) }

// PositionsKey is their file's own name of the positions, one or that of x and y, for messages.
func (s *Scan) PositionsKey() string {
	if s.x == s.y {
		return s.x
	}
	return s.x + ", " + s.y
}

// Layout is how the file holds the patterns: FramesFirst or FramesLast.
func (s *Scan) Layout() Orientation {
	if s.patterns.axes[0] == 2 {
		return FramesLast
	}
	return FramesFirst
}
