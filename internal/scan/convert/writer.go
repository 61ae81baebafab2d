package convert

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// writer writes one content to one file.
type writer struct {
	*content
	path    string
	library string
	log     *slog.Logger
	result  *Result // what was written so far
}

// leaveOut reports something that the target has no place for.
func (w *writer) leaveOut(what string) {
	w.result.Lost = append(w.result.Lost, what)
	w.log.Warn("left out: "+w.path+" has no place for it", "what", what)
}

// note reports something that was written.
func (w *writer) note(format string, args ...any) {
	w.result.Contents = append(w.result.Contents, fmt.Sprintf(format, args...))
}

// missing is the error for something that the target needs.
func (w *writer) missing(found, expected, remedy string) error {
	return &badinput.Error{File: w.content.path, Found: found, Expected: expected, Remedy: remedy}
}

// needResult refuses a content that lacks a part of a result.
func (w *writer) needResult(what string) error {
	switch {
	case w.object == nil:
		return w.missing("no object", "one, for "+what, "give a reconstruction as --object-file")
	case w.probe == nil:
		return w.missing("no probe", "one, for "+what, "give a file with a probe as --probe-file")
	case len(w.x) == 0:
		return w.missing("no positions", "those of the scan, for "+what,
			"convert the scan, with this file as --object-file")
	}
	return w.needPixel()
}

// needPixel refuses a content whose pixel size is not known.
func (w *writer) needPixel() error {
	if w.geometry.PixelX > 0 && w.geometry.PixelY > 0 {
		return nil
	}
	return w.missing("no pixel size of the object",
		"an energy, a distance and the pixel size of the detector, for positions in metres",
		"give --pixel-size-nm, or --energy-ev, --distance-m and --detector-pixel-um")
}

// hdf5 makes an HDF5 file.
func (w *writer) hdf5(fill func(f *hdf5.Writer) error) error {
	l, err := hdf5.Load(w.library)
	if err != nil {
		return err
	}
	return l.Create(w.path, fill)
}

// isNPZ reports whether the name of the file asks for NPZ.
func (w *writer) isNPZ() bool { return strings.EqualFold(filepath.Ext(w.path), ".npz") }

// arrays writes arrays to NPZ or to the root of an HDF5 file.
func (w *writer) arrays(members []npz.Member) error {
	if w.isNPZ() {
		return npz.Write(w.path, members)
	}
	return w.hdf5(func(f *hdf5.Writer) error {
		for _, m := range members {
			if err := put(f, m.Key, m.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// put writes an array, part by part if it comes in parts.
func put(f *hdf5.Writer, path string, value any) error {
	s, ok := value.(*npz.Slices)
	if !ok {
		return f.Put(path, value)
	}
	return f.PutRows(path, s.Shape, func(r *hdf5.Rows) error { return s.Each(r.Append) })
}

// amplitudes are the patterns (M, N, N) as square roots of counts.
func (w *writer) amplitudes() *npz.Slices {
	return &npz.Slices{Shape: []int{w.scan.M, w.scan.N, w.scan.N}, Each: w.scan.EachAmplitude}
}

// counts are the patterns (M, N, N) as intensities.
func (w *writer) counts() *npz.Slices {
	return &npz.Slices{Shape: []int{w.scan.M, w.scan.N, w.scan.N}, Each: w.scan.EachCount}
}
