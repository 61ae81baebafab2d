// Package source reads the files of the field, whatever their layout, and gives their arrays under the names of
// PtychoPINN's contract. It is the first stage of a scan's path: packages npz and hdf5, below, decode the containers;
// package dataset, above, checks the arrays and makes a scan of them.
//
// A Source is an open file. A layout is one program's way of naming arrays and units; layouts.go is the table of them,
// and each has a file of its own. To add a layout, write that file and add its row. The Facts are what a file states
// besides its arrays: units, energy, distances, a mask.
//
// Arrays keep the file's shape and type. Only positions that are stored as points, or in another unit than metres, are
// converted. Every fault of a file is a *badinput.Error.
package source

import (
	"errors"
	"io"
	"os"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/table"
)

// Names of PtychoPINN's contract, under which every Source gives its arrays.
const (
	Patterns      = "diff3d"        // (M, H, W)
	PatternsAlias = "diffraction"   // the other name of the same
	X             = "xcoords"       // (M,), object pixels, or metres if Facts.Metres
	Y             = "ycoords"       // (M,)
	XStart        = "xcoords_start" // (M,), positions before refinement
	YStart        = "ycoords_start" // (M,)
	Probe         = "probeGuess"    // (..., N, N)
	Object        = "objectGuess"   // (H, W)
	Index         = "scan_index"    // (M,)
	Truth         = "Y"             // (M, N, N) complex, the true patch of each pattern, for supervised training
)

// Names that the contract does not have.
const (
	PatternIndex  = "pattern_index"  // (M,), the number of each pattern
	PositionIndex = "position_index" // (M,), the number of the pattern that each position belongs to
	FrameIDs      = "ids"            // (M,), numbers that tell the frames of a growing scan apart
	PixelScale    = "pixel_scale"    // (2,), height and width of a result's pixel in pixels of the scan's file
)

// Source is an open scan file. Its methods may be called from several goroutines, until Close.
type Source struct {
	Facts Facts

	file    container
	members map[string]member // by the contract's names
}

// Kind is what patterns are.
type Kind int

// The kinds of patterns. The zero value means that the file does not state it.
const (
	Unstated Kind = iota
	Amplitudes
	Counts
)

// Facts are what a file states besides its arrays. A field is 0 or nil where the file does not state it.
type Facts struct {
	Layout string // the name of the layout, such as "CXI"
	Kind   Kind   // of the patterns
	Metres bool   // X and Y are metres; else object pixels
	Raster Raster // of a scan whose patterns are a raster; zero: not stated

	StepX, StepY float64 // of the raster in metres, along columns and rows
	Electrons    bool    // the beam is one of electrons
	SampleMotion bool    // X and Y are positions of the sample; else those of the beam on it

	EnergyEV       float64     // of a photon of the wavelength
	DistanceM      float64     // from sample to detector
	DetectorPixelX float64     // width of a detector pixel, metres
	DetectorPixelY float64     // its height
	PixelX         float64     // width of an object pixel, metres
	PixelY         float64     // its height
	Origin         *Point      // of object pixel (0, 0), in metres, in the frame of the beam
	Row, Col       int         // pixel of the positions' frame at which the object begins
	PixelScale     frame.Scale // an object pixel in pixels of the scan's file; 0: these are the same

	Bad  *ndarray.Float32 // (H, W), above 0 where a detector pixel is masked
	Dark *ndarray.Float32 // (H, W), counts to subtract
	Live bool             // a writer has the file open and lets others read it

	Partial bool     // positions are a log of motors: patterns may lack a position, and their numbers begin anywhere
	Ceiling float64  // smallest count that is no measurement: saturated or masked
	Beam    *Point   // pixel of the detector that the beam hits: column and row
	Lost    *Lost    // patterns that no file holds; reading them is an error
	Remarks []string // what was done with the file that its user should know
}

// Point is a place in metres: x to larger columns, y to larger rows.
type Point struct{ X, Y float64 }

// Open opens the scan file at path: HDF5 and TIFF by their first bytes, EMPAD by its name and size, else NPZ.
func Open(path string, o Options) (*Source, error) {
	return open(path, o, func(l *hdf5.Library) (*hdf5.File, bool, error) {
		file, err := l.Open(path, o.folders()...)
		return file, false, err
	})
}

// OpenGrowing opens a file that a program may be writing, without disturbing that program; Facts.Live says if it is.
func OpenGrowing(path string, o Options) (*Source, error) {
	return open(path, o, func(l *hdf5.Library) (*hdf5.File, bool, error) {
		return l.OpenGrowing(path, o.folders()...)
	})
}

// folders are those that files may link into, besides their own.
func (o Options) folders() []string {
	if o.FollowLinks == "" {
		return nil
	}
	return []string{o.FollowLinks}
}

func open(
	path string, o Options, openHDF5 func(*hdf5.Library) (file *hdf5.File, live bool, err error),
) (*Source, error) {
	if o.Positions && isText(path) {
		t, err := table.Open(path)
		if err != nil {
			return nil, err
		}
		return identify(tableFile{t}, o)
	}
	if !IsHDF5(path) {
		if file, found, err := openStack(path); found {
			if err != nil {
				return nil, err
			}
			return identify(file, o)
		}
		file, err := openNumPy(path)
		if err != nil {
			return nil, expectAnyFormat(err)
		}
		return identify(npzFile{file}, o)
	}
	l, err := hdf5.Load(o.Library)
	if err != nil {
		return nil, err
	}
	file, live, err := openHDF5(l)
	if err != nil {
		return nil, err
	}
	s, err := identify(hdf5File{file, o.Library}, o)
	if err == nil {
		s.Facts.Live = live
	}
	return s, err
}

// openNumPy opens an NPZ or .npy file.
func openNumPy(path string) (*npz.Reader, error) {
	if npz.IsSingle(path) {
		return npz.OpenSingle(path)
	}
	return npz.Open(path)
}

// FromNPZ gives the arrays of an open NPZ file. It closes the file if there is an error.
func FromNPZ(file *npz.Reader) (*Source, error) { return identify(npzFile{file}, Options{}) }

// PixelScale is the size of an object pixel of the file in pixels of a scan's file. view is that of the scan as it is
// viewed, with patterns of n pixels. A file that states none has pixels of the view if its probe is of that size, else
// those of the scan's file.
func (s *Source) PixelScale(view frame.Scale, n int) frame.Scale {
	if s.Facts.PixelScale == (frame.Scale{}) && s.Has(Probe) {
		if h, err := s.Header(Probe); err == nil && frame.HasSize(h.Shape, n) {
			return view.OrOne()
		}
	}
	return s.Facts.PixelScale.OrOne()
}

// expectAnyFormat widens an error of the NPZ reader: the file may have been meant to be of any format.
func expectAnyFormat(err error) error {
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) {
		bad.Expected = "an NPZ, CXI or HDF5 file"
		if bad.Cause == nil { // not a damaged archive
			bad.Remedy = ""
		}
	}
	return err
}

// isText looks at the file's first bytes.
func isText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 4096)
	n, _ := io.ReadFull(f, start) // of a short file, what there is
	return table.Is(start[:n])
}

// IsHDF5 looks at the file's first bytes. A file that cannot be opened is not HDF5: the NPZ reader reports the error.
func IsHDF5(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && hdf5.Is(f, info.Size())
}
