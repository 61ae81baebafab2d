// Package dataset reads scans: the measured patterns, where the probe was for each, and the probe. A Scan is one file, NPZ
// in PtychoPINN's layout or another that package source knows, checked when it is opened; its patterns stay on disk and come out
// as Frames, a stream of amplitudes, or loaded at once. A View chooses part of the detector and the sense of the axes. Groups are
// lists of patterns that are handled together; they are sampled and split here.
//
// It is the first stage of the data's path: everything behind it works with float32 amplitudes (M, N, N), zero frequency
// at [N/2, N/2], and with coordinates in object pixels. A file that breaks the contract gives a *badinput.Error, most of
// them in Open, faults among the patterns themselves when they are read. Write makes such a file.
package dataset

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// Names of the contract.
const (
	KeyPatterns      = source.Patterns
	KeyPatternsAlias = source.PatternsAlias
	KeyX             = source.X
	KeyY             = source.Y
	KeyXStart        = source.XStart
	KeyYStart        = source.YStart
	KeyProbe         = source.Probe
	KeyObject        = source.Object
	KeyIndex         = source.Index
	KeyTruth         = source.Truth
)

// Options say how a file is to be understood.
type Options struct {
	Input       InputKind    // what the patterns are; the zero value decides by their type
	ProbeFile   string       // file whose probe replaces the scan's
	NoPositions bool         // the positions are not with the patterns and not read: X and Y are nil
	NoProbe     bool         // the probe is not needed and not read: a trained model brings its own
	NoObject    bool         // the object is not needed and not read
	Orientation Orientation  // which axis counts the patterns; the zero value decides by the shape
	View        View         // part of the detector, sense of the axes, units; the zero value takes the file as it is
	Growing     bool         // a program may be writing it: patterns that have no position yet, or none of its ids, are left for later
	Part        bool         // the file is part of a scan: see place for how positions of several parts stay in one frame
	Log         *slog.Logger // warnings; nil drops them
}

// Scan is an opened scan file. Its methods may be called from several goroutines.
type Scan struct {
	Path           string
	M, N           int                // number of patterns, their size in pixels
	X, Y           []float64          // (M) patch centres in object pixels: column, row
	XStart, YStart []float64          // (M) positions before refinement; X and Y where the file has none
	Probe          *ndarray.Complex64 // (N, N), the first mode; nil with Options.NoProbe
	Modes          *ndarray.Complex64 // (P, N, N), all modes of the probe; nil with Options.NoProbe
	Object         *ndarray.Complex64 // (H, W), or nil; nil with Options.NoObject
	Index          []int64            // (M) scan_index; zeros where the file has none
	Input          InputKind          // what the file holds: Amplitude or Intensity
	Measured       []bool             // (N*N), false where a pattern's pixel was filled, for want of a measured value; nil: all are measured
	Geometry       Geometry           // what is known in metres and eV

	file     *source.Source
	log      *slog.Logger
	patterns patterns

	mu      sync.Mutex
	doubted bool   // the look at whether float patterns are counts is done, or not due
	totals  *tally // of all patterns, once a pass over them came to its end
}

// Open checks headers, coordinates and probe of the scan at path; the patterns are not read. Close ends it.
func Open(path string, opt Options) (*Scan, error) {
	if err := opt.View.check(); err != nil {
		return nil, err
	}
	open := source.Open
	if opt.Growing || opt.Part {
		open = source.OpenGrowing
	}
	file, err := open(path, opt.View.Library)
	if err != nil {
		return nil, err
	}
	s, err := newScan(file, opt)
	if err != nil {
		_ = file.Close()
	}
	return s, err
}

// newScan reads the small members of an open file.
func newScan(file *source.Source, opt Options) (*Scan, error) {
	s := &Scan{Path: file.Path(), file: file, log: opt.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.read(opt); err != nil {
		return nil, err
	}
	return s, nil
}

// Close closes the file; streams of frames end with it.
func (s *Scan) Close() error { return s.file.Close() }

// read fills the scan from the small members.
func (s *Scan) read(opt Options) error {
	p, err := s.openPlacing(opt.View)
	if err != nil {
		return err
	}
	if p.other {
		defer p.file.Close()
	}
	positions := 0
	if !opt.NoPositions {
		if positions, err = p.count(); err != nil {
			return err
		}
	}
	if s.patterns, err = s.findPatterns(positions, opt); err != nil {
		return err
	}
	if opt.Growing {
		if opt.NoPositions {
			positions = s.patterns.count
		}
		if s.patterns.count, err = s.arrived(positions); err != nil {
			return err
		}
		positions = s.patterns.count
	}
	s.M, s.N = s.patterns.count, s.patterns.window.size
	if err := s.resolveInput(opt.Input); err != nil {
		return err
	}
	if err := s.readWindow(&s.patterns); err != nil {
		return err
	}
	s.readGeometry(opt.View, p)
	if !opt.NoPositions {
		if err := s.readPositions(p, positions, opt); err != nil {
			return err
		}
	}
	if !opt.NoProbe {
		if err := s.readProbe(opt.ProbeFile, opt.View.Library); err != nil {
			return err
		}
	}
	if !opt.NoObject {
		if err := s.readObject(p); err != nil {
			return err
		}
	}
	return s.readIndex()
}

// readPositions reads the positions and turns them into object pixels.
func (s *Scan) readPositions(p *placing, positions int, opt Options) error {
	if err := s.readCoordinates(p, positions); err != nil {
		return err
	}
	if err := s.place(opt, p); err != nil {
		return err
	}
	s.warnOfUnits(p)
	return nil
}

// arrived is how many patterns have all that belongs to them.
func (s *Scan) arrived(positions int) (count int, err error) {
	count = min(s.patterns.count, positions)
	if s.file.Has(source.FrameIDs) {
		ids, err := vectorLength(s.file, source.FrameIDs)
		if err != nil {
			return 0, err
		}
		count = min(count, ids)
	}
	if count == 0 {
		return 0, s.fault(s.patterns.key, "no pattern with a position", "at least one", "")
	}
	return count, nil
}

// Live tells whether a writer has the file open, and lets it be read meanwhile; with Options.Growing.
func (s *Scan) Live() bool { return s.file.Facts.Live }

// fault is a complaint about one of the file's arrays.
func (s *Scan) fault(key, found, expected, remedy string) error {
	if s.file != nil { // a Scan that is put together of coordinates alone has none
		key = s.file.Place(key)
	}
	return &badinput.Error{File: s.Path, Key: key, Found: found, Expected: expected, Remedy: remedy}
}

// optional gives the header of a member that may be absent; a pickled one counts as absent: numpy pickles a None.
func (s *Scan) optional(key string) (h npz.Header, present bool, err error) {
	if !s.file.Has(key) {
		return h, false, nil
	}
	if h, err = s.file.Header(key); err != nil {
		return h, false, err
	}
	if h.Pickled() {
		s.log.Info("pickled member skipped", "file", s.Path, "key", key)
		return h, false, nil
	}
	return h, true, nil
}

// lists is what vectorLength needs of a file; an NPZ reader and every source have it.
type lists interface {
	Path() string
	Keys() []string
	Has(key string) bool
	Header(key string) (npz.Header, error)
}

// vectorLength gives the length of a member that is to be a list of real numbers; axes of length 1 are forgiven.
func vectorLength(file lists, key string) (int, error) {
	place := key
	if named, ok := file.(*source.Source); ok {
		place = named.Place(key)
	}
	fault := func(found, remedy string) error {
		return &badinput.Error{File: file.Path(), Key: place, Found: found, Expected: "one real number for each pattern, shape (M,)", Remedy: remedy}
	}
	if !file.Has(key) {
		return 0, fault("no array of this name, "+names(file), "")
	}
	h, err := file.Header(key)
	if err != nil {
		return 0, err
	}
	if !h.Real() {
		return 0, fault(h.Describe(), h.Remedy())
	}
	n := 1
	for _, d := range h.Shape {
		if d != 1 && n != 1 {
			return 0, fault("shape "+h.ShapeText(), "")
		}
		n *= d
	}
	return n, nil
}

// Vector reads a list of real numbers, one for each pattern, as the contract has xcoords and ycoords; axes of length 1
// are forgiven. What is no such list is a *badinput.Error.
func Vector(file *npz.Reader, key string) ([]float64, error) {
	if _, err := vectorLength(file, key); err != nil {
		return nil, err
	}
	return file.Float64s(key)
}

// count is the number of coordinate pairs.
func (p *placing) count() (int, error) {
	nx, err := vectorLength(p.file, KeyX)
	if err != nil {
		return 0, p.elsewhere(err)
	}
	ny, err := vectorLength(p.file, KeyY)
	if err != nil {
		return 0, err
	}
	if nx != ny {
		return 0, p.fault(KeyY, fmt.Sprintf("%d values", ny), fmt.Sprintf("%d, as many as %s has", nx, p.file.Place(KeyX)), "")
	}
	return nx, nil
}

// elsewhere adds to a complaint about positions that are not there where else they may come from.
func (p *placing) elsewhere(err error) error {
	var bad *badinput.Error
	if !p.file.Has(KeyX) && errors.As(err, &bad) {
		bad.Remedy = "give the file that has the positions with --positions-file"
	}
	return err
}

// readCoordinates reads the positions, in the unit of the file, and brings their number and order to those of the patterns.
func (s *Scan) readCoordinates(p *placing, positions int) error {
	order, err := s.join(p)
	if err != nil {
		return err
	}
	if order == nil {
		if positions < s.M {
			return p.fault(KeyX, fmt.Sprintf("%d positions", positions),
				fmt.Sprintf("at least %d, one for each pattern of %s", s.M, s.file.Place(s.patterns.key)), "drop the patterns without a position")
		}
		if positions > s.M {
			s.log.Warn("more positions than patterns: the last ones are dropped",
				"file", s.Path, "positions", positions, "patterns", s.M, "dropped", positions-s.M)
		}
	}
	if s.X, err = s.coordinates(p, KeyX, order); err != nil {
		return err
	}
	if s.Y, err = s.coordinates(p, KeyY, order); err != nil {
		return err
	}
	if s.XStart, err = s.startCoordinates(p, KeyXStart, order, s.X); err != nil {
		return err
	}
	s.YStart, err = s.startCoordinates(p, KeyYStart, order, s.Y)
	return err
}

// coordinates reads a list of finite numbers: the first M values, or those that order names.
func (s *Scan) coordinates(p *placing, key string, order []int) ([]float64, error) {
	all, err := p.file.Float64s(key)
	if err != nil {
		return nil, err
	}
	v := slices.Clip(all[:min(s.M, len(all))])
	if order != nil {
		v = make([]float64, s.M)
		for i, from := range order {
			v[i] = all[from]
		}
	}
	most, unit := float64(farthest), "object pixels"
	if p.facts.Metres {
		most, unit = math.MaxFloat64, "metres"
	}
	for i, c := range v {
		if math.Abs(c) <= most { // in accept form: NaN fails
			continue
		}
		expected, remedy := "finite "+unit, "drop that pattern and its position"
		if !p.facts.Metres {
			expected, remedy = expected+fmt.Sprintf(", none beyond %g", most), remedy+", or give pixels"
		}
		return nil, p.fault(key, fmt.Sprintf("%v at position %d", c, i), expected, remedy)
	}
	return v, nil
}

// farthest is the largest coordinate. No object has pixel 16 million: what lies beyond is a stage's encoder count or
// another unit.
const farthest = 1 << 24

// warnOfUnits says it when the positions of several patterns cover less than a pixel: metres look like that.
func (s *Scan) warnOfUnits(p *placing) {
	span := max(slices.Max(s.X)-slices.Min(s.X), slices.Max(s.Y)-slices.Min(s.Y))
	switch {
	case s.M < 2 || span >= 1:
	case p.facts.Metres:
		s.log.Warn("all positions lie within one pixel of the object: see whether they are metres, and the pixel's size is right", "file", s.Path, "span", span, "pixel_m", s.Geometry.PixelX)
	default:
		s.log.Warn("all positions lie within one pixel: xcoords and ycoords are taken as object pixels, not as metres", "file", s.Path, "span", span)
	}
}

// startCoordinates reads the positions before refinement, which default to the refined ones.
func (s *Scan) startCoordinates(p *placing, key string, order []int, refined []float64) ([]float64, error) {
	if !p.file.Has(key) || p.facts.Metres {
		return slices.Clone(refined), nil
	}
	h, err := p.file.Header(key)
	if err != nil {
		return nil, err
	}
	if h.Pickled() {
		s.log.Info("pickled member skipped", "file", s.Path, "key", key)
		return slices.Clone(refined), nil
	}
	n, err := vectorLength(p.file, key)
	if err != nil {
		return nil, err
	}
	if n < s.M {
		return nil, p.fault(key, fmt.Sprintf("%d values", n), fmt.Sprintf("at least %d, one for each pattern", s.M), "leave "+key+" out")
	}
	return s.coordinates(p, key, order)
}

// readIndex reads scan_index; a single number holds for all patterns.
func (s *Scan) readIndex() error {
	s.Index = make([]int64, s.M)
	_, present, err := s.optional(KeyIndex)
	if err != nil || !present {
		return err
	}
	n, err := vectorLength(s.file, KeyIndex)
	if err != nil {
		return err
	}
	if n < s.M && n != 1 {
		return s.fault(KeyIndex, fmt.Sprintf("%d values", n), fmt.Sprintf("at least %d, one for each pattern", s.M), "leave "+KeyIndex+" out")
	}
	index, err := s.file.Int64s(KeyIndex)
	if err != nil {
		return err
	}
	if n == 1 {
		index = slices.Repeat(index, s.M)
	}
	copy(s.Index, index)
	return nil
}

// names lists the file's arrays for a message.
func (s *Scan) names() string { return names(s.file) }

func names(file lists) string {
	keys := file.Keys()
	if len(keys) == 0 {
		return "no arrays at all"
	}
	const shown = 12
	more := len(keys) > shown
	keys = keys[:min(shown, len(keys))]
	for i, key := range keys {
		if h, err := file.Header(key); err == nil && h.Pickled() {
			keys[i] += " (a pickled Python object, which is not read)"
		}
	}
	if more {
		keys = append(keys, "...")
	}
	return "only " + strings.Join(keys, ", ")
}
