// Package dataset reads scans: the measured patterns, the position of the probe for each, and the probe. It stands
// behind package source, which finds the arrays in a file, and before all that reconstructs.
//
// A Scan is an opened file. Open checks all but the patterns, which stay on disk; Frames streams them, Load reads all,
// Access gives single ones in any order. A View chooses part of the detector, the sense of the axes and units; a window
// makes each pattern of the detector's pixels. Write makes a scan file.
//
// Conventions: patterns (M, N, N) are float32 amplitudes with zero frequency at [N/2, N/2]. Positions (M,) are object
// pixels, x the column and y the row of a patch's centre. A file that breaks the contract gives a *badinput.Error, from
// Open, or from reading if the fault is in the patterns.
package dataset

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
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
	KeyPixelScale    = source.PixelScale
)

// Options say how to read a file.
type Options struct {
	Input       InputKind // what the patterns are; the zero value decides by their type
	ProbeFile   string    // FILE[:PATH] whose probe replaces the scan's; :PATH is in the scan's file
	NoPositions bool      // do not read positions: X and Y are nil
	NoProbe     bool      // do not read the probe
	// a scan may have no probe: Probe and Modes are then nil
	ProbeOptional bool
	NoObject      bool        // do not read the object
	Orientation   Orientation // which axis counts the patterns; the zero value decides by the shape
	View          View        // part of the detector, sense of the axes, units; the zero value takes the file as it is
	Side          int         // pixels of a pattern of an automatic crop, as a network has them; 0: found by the light
	Growing       bool        // a program may be writing the file: ignore patterns without position or id
	// the file is part of a scan: keep its positions in the frame of the other parts, see place
	Part bool
	Log  *slog.Logger // warnings; nil drops them
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
	Measured       []bool             // (N*N), false where a pattern's pixel is masked; nil: all are measured
	Geometry       Geometry           // what is known in metres and eV
	Crop           Crop               // the square of the detector in use, with its size and place
	PixelScale     frame.Scale        // an object pixel in pixels of the file; zero: the complete detector, not binned

	file     *source.Source
	log      *slog.Logger
	patterns patterns
	x, y     string // where the positions are in their file

	mu      sync.Mutex
	checked bool   // patterns need no more check for counts that were taken as amplitudes
	totals  *tally // of all patterns, after a complete pass over them
	held    *Held  // of Hold, until it is closed
}

// Open checks headers, coordinates and probe of the scan at path; it does not read the patterns. Close ends it.
func Open(path string, opt Options) (*Scan, error) {
	if err := opt.View.check(); err != nil {
		return nil, err
	}
	open := source.Open
	if opt.Growing || opt.Part {
		open = source.OpenGrowing
	}
	file, err := open(path, opt.View.Source(opt.ProbeFile))
	if err != nil {
		return nil, err
	}
	s, err := newScan(file, opt)
	if err != nil {
		_ = file.Close()
	}
	return s, err
}

// newScan reads the small arrays of an open file.
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

// Live reports whether a writer has the file open and lets others read it; with Options.Growing.
func (s *Scan) Live() bool { return s.file.Facts.Live }

// read fills the scan from the small arrays.
func (s *Scan) read(opt Options) error {
	p, err := s.openPositions(opt.View)
	if err != nil {
		return err
	}
	if p.separate {
		defer p.file.Close()
	}
	s.x, s.y = p.file.Place(KeyX), p.file.Place(KeyY)
	positions, err := s.count(p, opt)
	if err != nil {
		return err
	}
	if err := s.resolveInput(opt.Input); err != nil {
		return err
	}
	if err := s.readMask(&s.patterns, opt.View, opt.Side); err != nil {
		return err
	}
	s.N, s.Crop = s.patterns.window.size, s.patterns.window.crop()
	s.readGeometry(opt.View, p)
	if !opt.NoPositions {
		if err := s.readPositions(p, positions, opt); err != nil {
			return err
		}
	}
	if !opt.NoProbe {
		if err := s.readProbe(opt.ProbeFile, opt.View.Library, opt.ProbeOptional); err != nil {
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

// count finds the patterns and how many there are, and returns the number of positions.
func (s *Scan) count(p *positions, opt Options) (positions int, err error) {
	if !opt.NoPositions {
		if positions, err = p.count(); err != nil {
			return 0, err
		}
	}
	if s.patterns, err = s.findPatterns(positions, opt); err != nil {
		return 0, err
	}
	if opt.Growing {
		if lost := s.file.Facts.Lost; lost != nil { // its file may come later
			s.patterns.count = min(s.patterns.count, lost.Frames[0].First)
		}
		if opt.NoPositions {
			positions = s.patterns.count
		}
		if s.patterns.count, err = s.complete(positions); err != nil {
			return 0, err
		}
		positions = s.patterns.count
	}
	s.M = s.patterns.count
	s.dropLost()
	for _, remark := range s.file.Facts.Remarks {
		s.log.Warn(remark, "file", s.Path)
	}
	if !opt.NoPositions && !opt.Growing {
		return p.expand(s.file, s.patterns.count)
	}
	return positions, nil
}

// complete is the number of patterns that have a position, and an id if there are ids.
func (s *Scan) complete(positions int) (count int, err error) {
	count = min(s.patterns.count, positions)
	if s.file.Has(source.FrameIDs) {
		ids, err := vectorLength(s.file, source.FrameIDs)
		if err != nil {
			return 0, err
		}
		count = min(count, ids)
	}
	if count == 0 {
		return 0, s.Fault(s.patterns.key, "no pattern with a position", "at least one", "")
	}
	return count, nil
}

// readIndex reads scan_index; a single number holds for all patterns.
func (s *Scan) readIndex() error {
	s.Index = make([]int64, s.M)
	_, present, err := s.optional(KeyIndex)
	if err != nil || !present {
		return err
	}
	n, err := s.checkLength(s.file, KeyIndex)
	if err != nil {
		return err
	}
	index, err := s.file.Int64s(KeyIndex)
	if err != nil {
		return err
	}
	for i := range s.Index {
		s.Index[i] = index[min(s.patterns.placeOf(i), n-1)]
	}
	return nil
}

// FrameIDs are the numbers that tell the patterns apart from those of the scan's other files: the file's ids, else the
// indexes that ptychodus gives patterns. They are (M,), or nil where the file has none.
func (s *Scan) FrameIDs() ([]int64, error) {
	for _, key := range []string{source.FrameIDs, source.PatternIndex} {
		if s.file.Has(key) {
			return s.numbers(key)
		}
	}
	return nil, nil
}

// numbers reads a whole number for each pattern, (M,).
func (s *Scan) numbers(key string) ([]int64, error) {
	all, err := s.file.Int64s(key)
	if err != nil {
		return nil, err
	}
	if n := s.patterns.count; len(all) < n {
		return nil, s.Fault(key, fmt.Sprintf("%d values", len(all)), fmt.Sprintf("%d, one for each pattern", n), "")
	}
	numbers := make([]int64, s.M)
	for i := range numbers {
		numbers[i] = all[s.patterns.placeOf(i)]
	}
	return numbers, nil
}

// Fault is a *badinput.Error about one of the file's arrays.
func (s *Scan) Fault(key, found, expected, remedy string) error {
	if s.file == nil { // a Scan made of coordinates alone
		return &badinput.Error{File: s.Path, Key: key, Found: found, Expected: expected, Remedy: remedy}
	}
	return s.file.Fault(key, found, expected, remedy)
}

// optional gives the header of an array that may be absent; a pickled one counts as absent, as numpy pickles None.
func (s *Scan) optional(key string) (h npz.Header, present bool, err error) {
	return s.optionalIn(s.file, key)
}

func (s *Scan) optionalIn(file *source.Source, key string) (h npz.Header, present bool, err error) {
	if !file.Has(key) {
		return h, false, nil
	}
	if h, err = file.Header(key); err != nil {
		return h, false, err
	}
	if h.Pickled() {
		s.log.Info("pickled member skipped", "file", s.Path, "key", key)
		return h, false, nil
	}
	return h, true, nil
}

// checkLength refuses an optional list of fewer values than patterns.
func (s *Scan) checkLength(file *source.Source, key string) (n int, err error) {
	need := s.M
	if file == s.file {
		need = s.patterns.count
	}
	if n, err = vectorLength(file, key); err == nil && n < need && (n != 1 || key != KeyIndex) {
		err = file.Fault(key, fmt.Sprintf("%d values", n), fmt.Sprintf("at least %d, one for each pattern", need),
			"leave "+key+" out")
	}
	return n, err
}

// arrays is what vectorLength needs of a file; an NPZ reader and every Source have it.
type arrays interface {
	Path() string
	Keys() []string
	Has(key string) bool
	Header(key string) (npz.Header, error)
}

// vectorLength gives the length of a list of real numbers; it ignores axes of length 1.
func vectorLength(file arrays, key string) (int, error) {
	place := key
	if s, ok := file.(*source.Source); ok {
		place = s.Place(key)
	}
	fault := func(found, remedy string) error {
		return &badinput.Error{
			File: file.Path(), Key: place, Found: found, Expected: "one real number for each pattern, shape (M,)",
			Remedy: remedy,
		}
	}
	if !file.Has(key) {
		return 0, fault("no array of this name, "+contents(file), "")
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

// Vector reads a list of real numbers, one for each pattern, as the contract has xcoords and ycoords; it ignores axes
// of length 1. Anything else is a *badinput.Error.
func Vector(file *npz.Reader, key string) ([]float64, error) {
	if _, err := vectorLength(file, key); err != nil {
		return nil, err
	}
	return file.Float64s(key)
}

// contents lists the file's arrays for a message.
func contents(file arrays) string {
	keys := file.Keys()
	if len(keys) == 0 {
		return "no arrays at all"
	}
	const most = 12
	shown := slices.Clone(keys[:min(most, len(keys))])
	for i, key := range shown {
		if h, err := file.Header(key); err == nil && h.Pickled() {
			shown[i] += " (a pickled Python object, which is not read)"
		}
	}
	if len(keys) > most {
		shown = append(shown, "...")
	}
	return "only " + strings.Join(shown, ", ")
}
