package source

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/hdf5/hdf5test"
)

// samples writes small files of every layout.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	library, err := hdf5.Load(hdf5test.Library())
	if err != nil {
		t.Fatal(err)
	}
	patterns := ndarray.New[float32](3, 8, 8)
	for i := range patterns.Data {
		patterns.Data[i] = float32(i % 7)
	}
	probe := ndarray.New[complex64](8, 8)
	for i := range probe.Data {
		probe.Data[i] = complex(float32(i), 1)
	}
	x, y := []float64{4, 6, 8}, []float64{4, 5, 6}
	points := ndarray.Wrap([]float32{0, 0, 0, 1e-6, 1e-6, 0, 2e-6, 0, 0}, 3, 3)
	files := map[string]func(w *hdf5.Writer) error{
		"pinn.h5": func(w *hdf5.Writer) error {
			return errors.Join(w.Put("diff3d", patterns), w.Put("xcoords", x), w.Put("ycoords", y),
				w.Put("probeGuess", probe))
		},
		"scan.cxi": func(w *hdf5.Writer) error {
			return errors.Join(w.Put("cxi_version", int64(160)), w.Put("entry_1/data_1/data", patterns),
				w.Put("entry_1/data_1/translation", points),
				w.Put("entry_1/instrument_1/source_1/energy", 1.5e-15),
				w.Put("entry_1/instrument_1/detector_1/distance", 1.0),
				w.Put("entry_1/instrument_1/detector_1/x_pixel_size", 5e-5),
				w.Put("entry_1/instrument_1/detector_1/y_pixel_size", 5e-5),
				w.Put("entry_1/instrument_1/detector_1/data", patterns),
				w.Put("entry_1/instrument_1/detector_1/translation", points),
				w.Put("entry_1/sample_1/geometry_1/translation", points), w.Put("entry_1/image_1/data", probe))
		},
		"ptypy.ptyd": func(w *hdf5.Writer) error {
			rows := ndarray.Wrap([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
			return errors.Join(w.Put("chunks/0/data", patterns), w.Put("chunks/0/positions", rows),
				w.Put("chunks/1/data", patterns), w.Put("chunks/1/positions", rows),
				w.Put("chunks/1/weights", patterns), w.Put("meta/energy", 6.2), w.Put("meta/psize", []float64{1, 2}))
		},
		"raster.emd": func(w *hdf5.Writer) error {
			raster := ndarray.Wrap(ndarray.New[float32](2, 3, 8, 8).Data, 2, 3, 8, 8)
			return errors.Join(w.Put("r/c/data", raster), w.Put("r/c/dim0", x), w.Put("r/c/dim1", y),
				w.Attribute("/", "version_major", int64(1)), w.Attribute("r/c/dim0", "units", "nm"))
		},
		"patterns.h5": func(w *hdf5.Writer) error {
			return errors.Join(w.Put("entry/data/data", patterns), w.Put("title", "a title"),
				w.Link("entry/soft", "/entry/data/data"),
				w.Attribute("/", "name", "n"), w.Attribute("entry/data/data", "pixel", 2e-8))
		},
	}
	out := map[string][]byte{}
	for name, fill := range files {
		path := filepath.Join(t.TempDir(), name)
		if err := library.Create(path, fill); err != nil {
			t.Fatal(err)
		}
		if out[name], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"../../format/hdf5/testdata/types.h5", "../../format/hdf5/testdata/packed.h5",
		"../../format/hdf5/testdata/links.h5", "testdata/ptylab.hdf5", "testdata/matlab_raster.mat",
		"testdata/nxcxi_ptycho.nxs", "testdata/nanomax.h5", "testdata/bliss.h5", "testdata/dectris_1_master.h5",
		"testdata/dectris_1_data_000001.h5",
	} {
		if out[name], err = os.ReadFile(filepath.FromSlash(name)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// besideMasters makes a folder with the data files of masters.
func besideMasters(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	parts, err := filepath.Glob("testdata/dectris_*_data_*.h5")
	if err != nil || len(parts) < 5 {
		t.Fatal(parts, err)
	}
	for _, part := range parts {
		content, err := os.ReadFile(part)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(part)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readThrough opens a file and reads what there is of the contract.
func readThrough(path string) (faults []error) {
	s, err := Open(path, Options{Library: hdf5test.Library()})
	if err != nil {
		return []error{err}
	}
	defer s.Close()
	for _, key := range []string{Patterns, X, Y, Probe, Object, PatternIndex, PositionIndex, "absent"} {
		if !s.Has(key) {
			continue
		}
		h, err := s.Header(key)
		faults = append(faults, err)
		_, err = s.Float64s(key)
		faults = append(faults, err)
		if len(h.Shape) == 2 {
			_, err = s.Complex64(key)
			faults = append(faults, err)
		}
		if len(h.Shape) == 3 && ndarray.Size(h.Shape[1:]) > 0 && ndarray.Size(h.Shape[1:]) < 1<<20 {
			stream, err := s.Stream(key)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			buf := make([]float32, ndarray.Size(h.Shape[1:]))
			for {
				if _, err := stream.Next(buf); err != nil {
					if err != io.EOF {
						faults = append(faults, err)
					}
					break
				}
			}
			_ = stream.Close()
		}
	}
	return faults
}

// FuzzHDF5: whatever the bytes, a file is read or refused with a *badinput.Error.
func FuzzHDF5(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	path := filepath.Join(besideMasters(f), "fuzz.h5")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, err := range readThrough(path) {
			var fault *badinput.Error
			if err != nil && !errors.As(err, &fault) {
				t.Fatalf("an error of type %T: %v", err, err)
			}
		}
	})
}
