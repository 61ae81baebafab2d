package source_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/source/sourcetest"
)

// ptyd is a file of PtyPy with two chunks of two and of one pattern.
func ptyd() sourcetest.File {
	return sourcetest.File{
		"chunks/0/data": numbers(2, 2, 3), "chunks/0/positions": ndarray.Wrap([]float32{1, 2, 3, 4}, 2, 2),
		"chunks/1/data": numbers(1, 2, 3), "chunks/1/positions": ndarray.Wrap([]float32{5, 6}, 1, 2),
		"meta/energy": 6.2, "meta/distance": 0.5, "meta/psize": list(1, 2),
	}
}

func ptylab() sourcetest.File {
	return sourcetest.File{
		"ptychogram": numbers(3, 2, 3), "encoder": ndarray.Wrap([]float32{1, 2, 3, 4, 5, 6}, 3, 2),
		"wavelength": list(1e-9), "zo": list(0.5), "dxd": list(1e-4),
	}
}

// TestFaultsOfPrograms: a file that lacks something or contradicts itself is refused in one sentence that names the
// place.
func TestFaultsOfPrograms(t *testing.T) {
	for name, tt := range map[string]struct {
		file sourcetest.File
		want string
	}{
		"chunks of two sizes": {ptyd().With("chunks/1/data", numbers(1, 3, 2)),
			"chunks/1/data: found shape (1, 3, 2), expected patterns of 2 x 3 pixels"},
		"a chunk with too few positions": {ptyd().With("chunks/0/positions", numbers(1, 2)),
			"chunks/0/positions: found shape (1, 2), expected (2, 2)"},
		"a pixel of three sizes": {ptyd().With("meta/psize", list(1, 2, 3)), "meta/psize: found 3 values"},
		"a chunk of one axis":    {ptyd().With("chunks/0/data", list(1)), "chunks/0/data: found shape (1,)"},
		"an unknown orientation": {ptylab().With("orientation", 8.0), "orientation: found 8, expected a whole number"},
		"three encoders":         {ptylab().With("encoder", numbers(3, 3)), "encoder: found shape (3, 3)"},
		"Fourier ptychography":   {ptylab().With("zled", 0.1), "zled: found a Fourier ptychography scan"},
	} {
		_, err := open(t, tt.file.Write(t, "a.h5"))
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
}

// readPatterns reads all patterns of a source, some at a time.
func readPatterns(t *testing.T, s *source.Source, size, atOnce int) (all []float32) {
	t.Helper()
	stream, err := s.Stream(source.Patterns)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	buf := make([]float32, atOnce*size)
	for {
		n, err := stream.Next(buf)
		if err != nil {
			return all
		}
		all = append(all, buf[:n*size]...)
	}
}

// TestChunksAreJoined: the patterns of several chunks are read as one array, however many at a time, and single ones
// in any order.
func TestChunksAreJoined(t *testing.T) {
	want := slices.Concat(numbers(2, 2, 3).Data, numbers(1, 2, 3).Data)
	for atOnce := 1; atOnce <= 4; atOnce++ {
		if got := readPatterns(t, mustOpen(t, ptyd().Write(t, "a.ptyd")), 6, atOnce); !slices.Equal(got, want) {
			t.Errorf("%d at once: %v, want %v", atOnce, got, want)
		}
	}
	s := mustOpen(t, ptyd().Write(t, "a.ptyd"))
	direct, err := s.Direct(source.Patterns)
	if err != nil || direct == nil {
		t.Fatalf("direct access: %v, %v", direct, err)
	}
	one := make([]float32, 6)
	for _, i := range []int{2, 0, 1} {
		if err := direct.Read(i, one); err != nil || !slices.Equal(one, want[6*i:6*i+6]) {
			t.Errorf("pattern %d: %v, %v, want %v", i, one, err, want[6*i:6*i+6])
		}
	}
}

// TestOrientations: the eight turns are those of NumPy's transpose(0, 2, 1) and flip.
func TestOrientations(t *testing.T) {
	for code, want := range [][]float32{ // of [[0, 1, 2], [3, 4, 5]]
		{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {3, 4, 5, 0, 1, 2}, {5, 4, 3, 2, 1, 0},
		{0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {2, 5, 1, 4, 0, 3}, {5, 2, 4, 1, 3, 0},
	} {
		s := mustOpen(t, ptylab().With("orientation", float64(code)).Write(t, "a.h5"))
		if got := readPatterns(t, s, 6, 2); !slices.Equal(got[:6], want) {
			t.Errorf("orientation %d: %v, want %v", code, got[:6], want)
		}
		h, err := s.Header(source.Patterns)
		if tall := code >= 4; err != nil || (h.Shape[1] == 3) != tall {
			t.Errorf("orientation %d: shape %v, %v", code, h.Shape, err)
		}
	}
}

// TestACompanionIsFound: positions of a fold_slice scan are in the file beside the patterns, however that is written;
// without it, the patterns are read alone.
func TestACompanionIsFound(t *testing.T) {
	patterns := sourcetest.File{"dp": numbers(2, 2, 3)}
	alone := mustOpen(t, patterns.Write(t, "scan_dp.h5"))
	if alone.Has(source.X) || alone.Facts.Layout != "ptychodus patterns" {
		t.Errorf("without a companion: %+v", alone.Facts)
	}
	for name, tt := range map[string]struct {
		x, y   any
		first  []float32
		sample bool
	}{
		"Python": {list(1, 2), list(3, 4), []float32{0, 1, 2, 3, 4, 5}, false},
		"MATLAB": {numbers(1, 2), numbers(1, 2), []float32{0, 3, 1, 4, 2, 5}, true},
	} {
		path := patterns.Write(t, "scan_dp.h5")
		companion := sourcetest.File{"ppX": tt.x, "ppY": tt.y, "lambda": 1e-10}.Write(t, "scan_para.h5")
		if err := os.Rename(companion, filepath.Join(filepath.Dir(path), "scan_para.h5")); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, path)
		if got := readPatterns(t, s, 6, 1); !slices.Equal(got[:6], tt.first) || s.Facts.SampleMotion != tt.sample ||
			!s.Has(source.X) || !near(s.Facts.EnergyEV, source.Wavelength(1)/1e-10) {
			t.Errorf("%s: patterns %v, %+v", name, got[:6], s.Facts)
		}
	}
}

// TestPairsOfPtychi: a product beside the patterns is none of fold_slice, and leaves them as they are.
func TestPairsOfPtychi(t *testing.T) {
	path := sourcetest.File{"dp": numbers(2, 2, 3)}.Write(t, "scan_dp.h5")
	product := sourcetest.File{"probe_position_x_m": numbers(2), "probe_position_y_m": numbers(2)}
	if err := os.Rename(product.Write(t, "p.h5"), filepath.Join(filepath.Dir(path), "scan_para.h5")); err != nil {
		t.Fatal(err)
	}
	if got := readPatterns(t, mustOpen(t, path), 6, 1)[:6]; !slices.Equal(got, []float32{0, 1, 2, 3, 4, 5}) {
		t.Errorf("the first pattern is %v", got)
	}
}

// TestElectrons: the wavelength of electrons is the one that textbooks print.
func TestElectrons(t *testing.T) {
	for volts, picometres := range map[float64]float64{80e3: 4.1757, 200e3: 2.5079, 300e3: 1.9687} {
		if got := 1e12 * source.Wavelength(source.PhotonEnergy(volts)); math.Abs(got-picometres) > 1e-4 {
			t.Errorf("electrons of %v eV have a wavelength of %.4f pm, want %v", volts, got, picometres)
		}
	}
}

// ncem is an EMD file as NCEM writes it: axes count from 1 and have a value for each element.
func ncem() sourcetest.File {
	f := sourcetest.File{"/@version_major": int64(0), "data/scan/data": numbers(2, 3, 4, 5)}
	for axis, n := range []int{2, 3, 4, 5} {
		f["data/scan/dim"+string(rune('1'+axis))] = numbers(n)
	}
	return f
}

// TestUnitsOfEMD: the axes give the step of the raster, and the object's pixel or the angle of a detector pixel.
func TestUnitsOfEMD(t *testing.T) {
	f := ncem().With("data/scan/dim1@units", "[n_m]").With("data/scan/dim2@units", "[n_m]")
	s := mustOpen(t, f.With("data/scan/dim3@units", "1/nm").With("data/scan/dim4@units", "A^-1").Write(t, "a.emd"))
	if f := s.Facts; !near(f.StepX, 1e-9) || !near(f.PixelY, 1e-9/4) || !near(f.PixelX, 1e-10/5) || !f.Electrons ||
		f.Raster != (source.Raster{Rows: 2, Columns: 3}) {
		t.Errorf("%+v", f)
	}
	x, err := s.Float64s(source.X)
	if err != nil || len(x) != 6 || !near(x[5], 2e-9) {
		t.Errorf("columns %v, %v", x, err)
	}
	if got := readPatterns(t, s, 20, 4); !slices.Equal(got, numbers(2, 3, 4, 5).Data) {
		t.Errorf("patterns %v", got)
	}
	s = mustOpen(t, f.With("data/scan/dim3@units", "mrad").With("data/scan/dim4@units", "rad").Write(t, "a.emd"))
	if f := s.Facts; !near(f.DetectorPixelY, 1e-3) || !near(f.DetectorPixelX, 1) || f.DistanceM != 1 {
		t.Errorf("angles: %+v", f)
	}
	s = mustOpen(t, ncem().Write(t, "a.emd"))
	if f := s.Facts; f.StepX != 0 || f.PixelX != 0 || s.Has(source.X) {
		t.Errorf("without units: %+v", f)
	}
}

// TestSlicesAlongTheLastAxis: patterns that are stored along the last axis, or with other axes exchanged, are those of
// numpy.transpose, however many are read at a time.
func TestSlicesAlongTheLastAxis(t *testing.T) {
	s := mustOpen(t, sourcetest.File{"dp": numbers(2, 3, 5)}.Write(t, "a.h5"))
	for name, tt := range map[string]struct {
		axes []int
		want func(m, r, c int) float32
	}{
		"the last axis first": {[]int{2, 0, 1}, func(m, r, c int) float32 { return float32(r*15 + c*5 + m) }},
		"the middle one":      {[]int{1, 2, 0}, func(m, r, c int) float32 { return float32(c*15 + m*5 + r) }},
		"two exchanged":       {[]int{0, 2, 1}, func(m, r, c int) float32 { return float32(m*15 + c*5 + r) }},
	} {
		shape := []int{2, 3, 5}
		count, height, width := shape[tt.axes[0]], shape[tt.axes[1]], shape[tt.axes[2]]
		for atOnce := 1; atOnce <= count; atOnce++ {
			stream, err := s.Stream(source.Patterns, tt.axes...)
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]float32, atOnce*height*width)
			for m := 0; m < count; {
				n, err := stream.Next(buf)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for i := range buf[:n*height*width] {
					at := m + i/(height*width)
					if want := tt.want(at, i/width%height, i%width); buf[i] != want {
						t.Fatalf("%s: pattern %d has %v, want %v", name, at, buf[i], want)
					}
				}
				m += n
			}
			stream.Close()
		}
	}
}
