package dataset

import (
	"strings"
	"testing"

	"ptyx/internal/format/npz/npztest"
)

func TestLegacyRule(t *testing.T) {
	for _, tt := range []struct {
		shape     []int
		positions int
		last      bool
	}{
		{[]int{516, 64, 64}, 516, false},
		{[]int{64, 64, 516}, 516, true},
		{[]int{64, 64, 3}, 3, true}, // fewer patterns than pixels
		{[]int{3, 64, 64}, 3, false},
		{[]int{64, 64, 64}, 64, false}, // a cube
		{[]int{516, 60, 64}, 516, false},
		{[]int{60, 64, 516}, 516, true},
		{[]int{500, 60, 600}, 516, false}, // the shorter axis
		{[]int{600, 60, 500}, 516, true},
		{[]int{60, 64, 500}, 10, true}, // the longest
		{[]int{500, 60, 64}, 10, false},
	} {
		if got := legacy(tt.shape, tt.positions); got != tt.last {
			t.Errorf("%v with %d positions: patterns last is %v", tt.shape, tt.positions, got)
		}
	}
}

// framesLast stores m frames as (64, 64, m).
func framesLast(m int, key string) npztest.Array {
	values := make([]float64, m*4096)
	for k := range values {
		values[k] = pixel(k%m, k/m)
	}
	return npztest.Real(key, "<f4", values, 64, 64, m)
}

// mustBeFrames expects the frames of validScan.
func mustBeFrames(t *testing.T, s *Scan, m int) {
	t.Helper()
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	if s.M != m || len(all.Data) != m*4096 {
		t.Fatalf("%d frames, %d pixels", s.M, len(all.Data))
	}
	for k, v := range all.Data {
		if want := float32(pixel(k/4096, k%4096)); v != want {
			t.Fatalf("frame %d, pixel %d is %v, want %v", k/4096, k%4096, v, want)
		}
	}
}

func TestShapesThatAreCorrected(t *testing.T) {
	const m = 5
	trailing := validScan(m)[0]
	trailing.Shape = []int{m, 64, 64, 1}
	alias := validScan(m)[0]
	alias.Key = KeyPatternsAlias
	legacyTrailing := framesLast(m, KeyPatterns)
	legacyTrailing.Shape = []int{64, 64, m, 1}
	legacyFortran := framesLast(m, KeyPatterns)
	legacyFortran.Fortran = true
	wide := npztest.Real(KeyPatternsAlias, "<f8", validFloat32(m), m, 64, 64)
	for _, tt := range []struct {
		name string
		file scanFile
		log  string
	}{
		{"contract", validScan(m), ""},
		{"trailing axis", validScan(m).with(trailing), ""},
		{"other name", validScan(m).without(KeyPatterns).with(alias), ""},
		{"both names", validScan(m).with(alias), ""},
		{"both names, other width", validScan(m).with(wide), ""},
		{"legacy", validScan(m).with(framesLast(m, KeyPatterns)), "legacy layout"},
		{"legacy, both names", validScan(m).with(framesLast(m, KeyPatternsAlias)), "legacy layout"},
		{"legacy, trailing axis", validScan(m).with(legacyTrailing), "legacy layout"},
		{"legacy, Fortran", validScan(m).with(legacyFortran), "legacy layout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, log := tt.file.open(t, Options{Input: Amplitude})
			mustBeFrames(t, s, m)
			if got := log.String(); (got == "") != (tt.log == "") || !strings.Contains(got, tt.log) {
				t.Errorf("log %q, want %q", got, tt.log)
			}
		})
	}
}

// validFloat32 are the frames of validScan after their rounding to float32.
func validFloat32(m int) []float64 {
	v := frames(m, 64)
	for i := range v {
		v[i] = float64(float32(v[i]))
	}
	return v
}

func TestCubeNeedsAnOrientation(t *testing.T) {
	const m = 64
	s, log := validScan(m).open(t, Options{})
	mustBeFrames(t, s, m)
	if !strings.Contains(log.String(), "frames-last") {
		t.Errorf("log %s", log)
	}
	s, _ = validScan(m).with(framesLast(m, KeyPatterns)).open(t, Options{Orientation: FramesLast})
	mustBeFrames(t, s, m)
	s, log = validScan(m).open(t, Options{Input: Amplitude, Orientation: FramesFirst})
	mustBeFrames(t, s, m)
	if log.Len() != 0 {
		t.Errorf("log %s", log)
	}
}

func TestTextForms(t *testing.T) {
	for _, k := range []InputKind{Auto, Amplitude, Intensity} {
		var back InputKind
		if err := back.UnmarshalText([]byte(k)); err != nil || back != k {
			t.Errorf("%v became %v (%v)", k, back, err)
		}
	}
	for _, o := range []Orientation{OrientationAuto, FramesFirst, FramesLast} {
		var back Orientation
		if err := back.UnmarshalText([]byte(o)); err != nil || back != o {
			t.Errorf("%v became %v (%v)", o, back, err)
		}
	}
	var k InputKind
	if err := k.UnmarshalText([]byte("counts")); err == nil ||
		!strings.Contains(err.Error(), "auto, amplitude or intensity") {
		t.Errorf("got %v", err)
	}
}
