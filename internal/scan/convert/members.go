package convert

import (
	"errors"

	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// members writes flat arrays, to NPZ or to the root of an HDF5 file.
func (w *writer) members(members []npz.Member) error {
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

// put writes an array, part by part if it comes so.
func put(f *hdf5.Writer, path string, value any) error {
	s, ok := value.(*npz.Slices)
	if !ok {
		return f.Put(path, value)
	}
	return f.PutRows(path, s.Shape, func(r *hdf5.Rows) error { return s.Each(r.Append) })
}

// amplitudes are the patterns as square roots of counts.
func (w *writer) amplitudes() *npz.Slices {
	scan := w.scan
	return &npz.Slices{Shape: []int{scan.M, scan.N, scan.N}, Each: func(put func([]float32) error) error {
		frames, err := scan.Frames()
		if err != nil {
			return err
		}
		pattern := make([]float32, scan.N*scan.N)
		for range scan.M {
			if _, err := frames.Next(pattern); err != nil {
				return errors.Join(err, frames.Close())
			}
			if err := put(pattern); err != nil {
				return errors.Join(err, frames.Close())
			}
		}
		return frames.Close()
	}}
}

// counts are the patterns as intensities.
func (w *writer) counts() *npz.Slices {
	return &npz.Slices{Shape: []int{w.scan.M, w.scan.N, w.scan.N}, Each: w.scan.EachCounts}
}
