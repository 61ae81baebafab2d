package dataset

import (
	"archive/zip"
	"math"
	"slices"
	"testing"

	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz/npztest"
)

// TestPartsShareAFrame: mirrored, or in metres, the positions of a part are where those of the complete scan are, up to
// one shift for all.
func TestPartsShareAFrame(t *testing.T) {
	for name, view := range map[string]View{
		"as it is": {}, "mirrored": {FlipX: true, FlipY: true}, "sample": {SampleMotion: new(true)},
		"exchanged": {SwapXY: true, FlipX: true},
	} {
		place := func(from, to int, part bool) *Scan {
			f := validScan(to-from).with(
				npztest.Real(KeyX, "<f8", column(6)[from:to], to-from),
				npztest.Real(KeyY, "<f8", []float64{50, 40, 45, 61, 47, 52}[from:to], to-from))
			return opened(t, zip.Deflate, f, Options{View: view, Part: part})
		}
		whole, first, second := place(0, 6, false), place(0, 2, true), place(2, 6, true)
		x, y := slices.Concat(first.X, second.X), slices.Concat(first.Y, second.Y)
		for i := range x {
			// The tolerance is some roundings of numbers below 100.
			if dx, dy := x[i]-x[0]-(whole.X[i]-whole.X[0]),
				y[i]-y[0]-(whole.Y[i]-whole.Y[0]); !(math.Abs(dx) < 1e-12 && math.Abs(dy) < 1e-12) {
				t.Errorf("%s: position %d lies (%g, %g) from where it is in the whole", name, i, dx, dy)
			}
		}
	}
}

// TestFramesFrom gives the frames that a complete pass gives behind the first ones, of NPZ, of HDF5, and through a
// window.
func TestFramesFrom(t *testing.T) {
	path := container{"diff3d": counts(5, 80, 80), "xcoords": column(5), "ycoords": column(5)}.file(t, "scan.h5")
	windowed, err := Open(path, Options{Input: Amplitude, NoProbe: true,
		View: View{Library: hdf5test.Library(), Crop: Crop{Size: 64, Centred: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer windowed.Close()
	for name, s := range map[string]*Scan{"NPZ": opened(t, zip.Deflate, validScan(5), Options{}),
		"HDF5 in a window": windowed} {
		all, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		for first := range s.M + 1 {
			frames, err := s.FramesFrom(first)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, (s.M+1)*s.N*s.N)
			n := 0
			if first < s.M {
				if n, err = frames.Next(got); err != nil {
					t.Fatal(err)
				}
			}
			if n != s.M-first || !slices.Equal(got[:n*s.N*s.N], all.Data[first*s.N*s.N:]) {
				t.Errorf("%s: %d frames from %d on, or others", name, n, first)
			}
			if n, err := frames.Next(got); n != 0 || err == nil {
				t.Errorf("%s: %d frames behind the end, %v", name, n, err)
			}
			if err := frames.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.FramesFrom(s.M + 1); err == nil {
			t.Errorf("%s: begins behind the end", name)
		}
	}
}

// TestReadingContinuesBehindABadFrame: the next call skips the frame, and such a pass gives no statistics.
func TestReadingContinuesBehindABadFrame(t *testing.T) {
	values := frames(4, 64)
	values[2*64*64+7] = math.NaN()
	s := opened(t, zip.Deflate, validScan(4).with(npztest.Real(KeyPatterns, "<f4", values, 4, 64, 64)), Options{})
	pass, err := s.Frames()
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Close()
	frame := make([]float32, 64*64)
	for i := range 4 {
		_, err := pass.Next(frame)
		if (err != nil) != (i == 2) || pass.Spoilt() != (i == 2) {
			t.Errorf("frame %d: %v, spoilt %v", i, err, pass.Spoilt())
		}
		if err == nil && frame[1] != float32(pixel(i, 1)) {
			t.Errorf("frame %d is another", i)
		}
	}
	if _, err := s.MeanPower(); err == nil {
		t.Error("the mean power of a scan with NaN")
	}
}
