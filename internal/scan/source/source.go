// Package source finds a scan's arrays in the files of the field, and gives them under the names of PtychoPINN's contract: an NPZ
// file has them by these names, a CXI file or another HDF5 file by names and in units of its own. What such a file says besides,
// units, energy, distances, a mask, are its Facts.
//
// A Source reads; nothing is computed here but what a unit or a name needs. Package dataset, above, checks the arrays and makes a
// scan of them; packages npz and hdf5, below, know the files. Every fault of a file is a *badinput.Error.
package source

import (
	"errors"
	"os"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// Names of the contract, under which every source gives its arrays.
const (
	Patterns      = "diff3d"      // (M, H, W)
	PatternsAlias = "diffraction" // the other name of the same
	X             = "xcoords"     // (M,), object pixels, or metres as Facts say
	Y             = "ycoords"
	Probe         = "probeGuess"  // (..., N, N)
	Object        = "objectGuess" // (H, W)

	// Not of the contract: numbers that say which position belongs to which pattern.
	PatternIndex  = "pattern_index"
	PositionIndex = "position_index"
	FrameIDs      = "ids" // (M,), numbers that tell the frames of a growing scan apart
)

// Source gives arrays by name. Its methods may be called from several goroutines; Close ends them all.
type Source interface {
	Path() string
	// Place is where the array is in the file, for messages.
	Place(key string) string
	// Keys are the file's own names of what it holds, for messages.
	Keys() []string
	Has(key string) bool
	// Facts are what the file says of itself.
	Facts() Facts

	Header(key string) (npz.Header, error)
	Float32(key string) (*ndarray.Float32, error)
	Float64s(key string) ([]float64, error)
	Int64s(key string) ([]int64, error)
	Complex64(key string) (*ndarray.Complex64, error)
	String(key string) (string, error)

	// Stream delivers slices along the leading axis of a real array; axes, when given, permutes its axes as numpy.transpose does.
	Stream(key string, axes ...int) (Stream, error)
	// Pairs delivers those of a complex array, as real and imaginary part.
	Pairs(key string) (Stream, error)
	// Direct gives single slices in any order; nil where that would be slow.
	Direct(key string, axes ...int) (Direct, error)
	// DirectPairs is Direct for a complex array.
	DirectPairs(key string) (Direct, error)

	Close() error
}

// Stream fills dst with as many whole slices as it holds and returns how many; 0 and io.EOF at the end.
type Stream interface {
	Next(dst []float32) (int, error)
	Close() error
}

// Skipper is a Stream that passes over n slices without reading them.
type Skipper interface{ Skip(n int) }

// Direct fills dst with slice i.
type Direct interface {
	Read(i int, dst []float32) error
}

// Kind is what patterns are.
type Kind int

// The zero value is Unsaid.
const (
	Unsaid Kind = iota
	Amplitudes
	Counts
)

// Facts are what a file says of itself besides its arrays. What it does not say is 0.
type Facts struct {
	Format       string // for messages: "CXI", "ptychodus product"
	Kind         Kind   // of the patterns
	Metres       bool   // X and Y are metres; else object pixels
	SampleMotion bool   // X and Y are where the sample was; else where the beam was on it

	EnergyEV       float64 // of the photons
	DistanceM      float64 // from sample to detector
	DetectorPixelX float64 // width of a detector's pixel, metres
	DetectorPixelY float64
	PixelX         float64 // width of an object's pixel, metres
	PixelY         float64
	Origin         *Point // where pixel (0, 0) is, in metres, in the frame of the beam
	Row, Col       int    // pixel of the positions' frame on which the object begins

	Bad  *ndarray.Float32 // (H, W), above 0 where a detector's pixel is to be left out; nil: none
	Dark *ndarray.Float32 // (H, W), counts to be subtracted; nil: none
	Name string           // of the scan or sample
	Live bool             // a writer has the file open, and lets it be read meanwhile
}

// Point is a place in metres: x to larger columns, y to larger rows.
type Point struct{ X, Y float64 }

// Open opens the scan file at path: HDF5 by its first bytes, else NPZ. library is the path of the HDF5 library, as for hdf5.Load.
func Open(path, library string) (Source, error) {
	return open(path, library, func(l *hdf5.Library) (*hdf5.File, bool, error) {
		file, err := l.Open(path)
		return file, false, err
	})
}

// OpenGrowing opens a file that a program may be writing, without getting in its way: Facts tell whether it is.
func OpenGrowing(path, library string) (Source, error) {
	return open(path, library, func(l *hdf5.Library) (*hdf5.File, bool, error) { return l.OpenGrowing(path) })
}

func open(path, library string, openHDF5 func(*hdf5.Library) (file *hdf5.File, live bool, err error)) (Source, error) {
	if !IsHDF5(path) {
		file, err := npz.Open(path)
		if err != nil {
			return nil, ofAnyKind(err)
		}
		s, err := FromNPZ(file)
		if err != nil {
			_ = file.Close()
		}
		return s, err
	}
	l, err := hdf5.Load(library)
	if err != nil {
		return nil, err
	}
	file, live, err := openHDF5(l)
	if err != nil {
		return nil, err
	}
	s, err := fromHDF5(file, live)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return s, nil
}

// ofAnyKind widens what the reader of NPZ files expects: what it was given for one may have been meant for any kind of file.
func ofAnyKind(err error) error {
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) {
		bad.Expected = "an NPZ, CXI or HDF5 file"
		if bad.Cause == nil { // no archive that was damaged
			bad.Remedy = ""
		}
	}
	return err
}

// IsHDF5 looks at the file's first bytes. What cannot be opened is left to the reader of NPZ files to complain of.
func IsHDF5(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && hdf5.Is(f, info.Size())
}
