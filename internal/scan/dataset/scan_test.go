package dataset

import (
	"archive/zip"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz/npztest"
)

func TestOpenReadsTheContract(t *testing.T) {
	const m = 5
	index := []float64{4, 3, 2, 1, 0}
	s, log := validScan(m).with(
		npztest.Real(KeyIndex, "<i4", index, m),
		npztest.Real(KeyXStart, "<f8", random(m, 9), m),
		npztest.Array{Key: KeyObject, Dtype: "<c16", Shape: []int{2, 3}, Values: []complex128{1, 2, 3, 4i, 5, 6}},
		npztest.Pickled("_metadata"),
		npztest.Text("note", "not ours"),
	).open(t, Options{})
	if s.M != m || s.N != 64 || s.Input != Amplitude {
		t.Errorf("M %d, N %d, input %v", s.M, s.N, s.Input)
	}
	if !slices.Equal(s.X, column(m)) || !slices.Equal(s.Y, column(m)) ||
		!slices.Equal(s.Index, []int64{4, 3, 2, 1, 0}) {
		t.Errorf("X %v, Y %v, index %v", s.X, s.Y, s.Index)
	}
	if !slices.Equal(s.XStart, random(m, 9)) || !slices.Equal(s.YStart, s.Y) {
		t.Errorf("start %v, %v", s.XStart, s.YStart)
	}
	if !slices.Equal(s.Probe.Shape, []int{64, 64}) || s.Probe.Data[77] != 1+1i {
		t.Errorf("probe %v, %v", s.Probe.Shape, s.Probe.Data[77])
	}
	if !slices.Equal(s.Object.Shape, []int{2, 3}) || s.Object.Data[3] != 4i {
		t.Errorf("object %v", s.Object)
	}
	if said := log.String(); strings.Count(said, "\n") != 1 ||
		!strings.Contains(said, "level=INFO msg=\"patterns are taken as amplitudes\"") {
		t.Errorf("logged: %s", said)
	}
}

func TestDefaultsOfOptionalMembers(t *testing.T) {
	for name, f := range map[string]scanFile{
		"absent": validScan(3),
		"pickled": validScan(3).with(npztest.Pickled(KeyIndex), npztest.Pickled(KeyObject), npztest.Pickled(KeyXStart),
			npztest.Pickled(KeyPatternsAlias)),
	} {
		s, _ := f.open(t, Options{})
		if !slices.Equal(s.Index, []int64{0, 0, 0}) || s.Object != nil || !slices.Equal(s.XStart, s.X) ||
			!slices.Equal(s.YStart, s.Y) {
			t.Errorf("%s: index %v, object %v, start %v %v", name, s.Index, s.Object, s.XStart, s.YStart)
		}
	}
}

// TestAProbeMayBeMissing: with ProbeOptional, only a probe that is not there is forgiven.
func TestAProbeMayBeMissing(t *testing.T) {
	s, _ := validScan(3).without(KeyProbe).open(t, Options{ProbeOptional: true})
	if s.Probe != nil || s.Modes != nil {
		t.Errorf("probe %v", s.Probe)
	}
	if s, _ := validScan(3).open(t, Options{ProbeOptional: true}); s.Probe == nil {
		t.Error("the probe was not read")
	}
	if s, err := Open(validScan(3).with(probeArray(32, 32)).file(t), Options{ProbeOptional: true}); err == nil {
		s.Close()
		t.Error("a probe of another size was ignored")
	}
}

func TestViolations(t *testing.T) {
	v := validScan(3)
	patterns := func(dtype string, shape ...int) npztest.Array {
		a := npztest.Array{Key: KeyPatterns, Dtype: dtype, Shape: shape}
		a.Values = make([]complex128, ndarray.Size(shape))
		return a
	}
	bad := func(key string, value float64) npztest.Array {
		c := column(3)
		c[1] = value
		return npztest.Real(key, "<f8", c, 3)
	}
	probe := func(value complex128, at int) npztest.Array {
		a := probeArray(64, 64)
		a.Values[at] = value
		return a
	}
	darkProbe := npztest.Array{Key: KeyProbe, Dtype: "<c8", Shape: []int{64, 64}, Values: make([]complex128, 4096)}
	otherName := npztest.Real(KeyPatternsAlias, "<f8", frames(3, 64), 3, 64, 64)
	changed := otherName
	changed.Values = slices.Clone(otherName.Values)
	changed.Values[2*4096+5] += 1
	tests := []struct {
		name string
		file scanFile
		want []string
	}{
		{"no patterns", v.without(KeyPatterns),
			[]string{": diff3d: ", "only xcoords, ycoords, probeGuess", "diffraction", "this one as --positions-file"}},
		{"pickled patterns", v.with(npztest.Pickled(KeyPatterns)),
			[]string{": diff3d: ", "no diffraction patterns", "diff3d (a pickled Python object, which is not read)"}},
		{"longdouble", v.with(npztest.Array{Key: KeyPatterns, Dtype: "<f16", Shape: []int{3, 64, 64},
			Raw: make([]byte, 3*64*64*16)}), []string{": diff3d: ", "dtype <f16", "; save it as float32"}},
		{"complex patterns", v.with(patterns("<c8", 3, 64, 64)),
			[]string{": diff3d: ", "complex values (dtype <c8)", "real amplitudes", "; save "}},
		{"text patterns", v.with(npztest.Text(KeyPatterns, "no")), []string{": diff3d: ", "text (dtype <U2)"}},
		{"one pattern without its axis", v.with(patterns("<f4", 64, 64)),
			[]string{": diff3d: ", "shape (64, 64)", "(M, N, N)"}},
		{"channels", v.with(patterns("<f4", 3, 64, 64, 2)),
			[]string{": diff3d: ", "shape (3, 64, 64, 2)", "(M, N, N)"}},
		{"not square", v.with(patterns("<f4", 3, 64, 65)),
			[]string{": diff3d: ", "shape (3, 64, 65)", "crop the detector"}},
		{"wrong size", v.with(patterns("<f4", 3, 65, 65)),
			[]string{": diff3d: ", "65 x 65", "an even number from 32 to 1024"}},
		{"no frames", v.with(patterns("<f4", 0, 64, 64)), []string{": diff3d: ", "no pattern"}},
		{"lying header", v.with(npztest.Array{Key: KeyPatterns, Dtype: "<f4", Shape: []int{3, 64, 64},
			Raw: make([]byte, 100)}), []string{": diff3d: ", "100 bytes"}},
		{"two names, other values", v.with(changed), []string{": diffraction: ", "frame 2", "leave one"}},
		{"two names, other number", v.with(npztest.Real(KeyPatternsAlias, "<f4", frames(2, 64), 2, 64, 64)),
			[]string{": diffraction: ", "2 patterns"}},
		{"two names, other type", v.with(npztest.Real(KeyPatternsAlias, "<u2", frames(3, 64), 3, 64, 64)),
			[]string{": diffraction: ", "another type"}},
		{"fewer positions", v.with(npztest.Real(KeyX, "<f8", column(2), 2), npztest.Real(KeyY, "<f8", column(2), 2)),
			[]string{": xcoords: ", "2 positions", "at least 3"}},
		{"columns and rows differ", v.with(npztest.Real(KeyY, "<f8", column(2), 2)),
			[]string{": ycoords: ", "2 values", "expected 3"}},
		{"no columns", v.without(KeyX), []string{": xcoords: ", "no array of this name", "only diff3d, ycoords",
			"expected one real number for each pattern"}},
		{"no rows", v.without(KeyY), []string{": ycoords: ", "no array of this name",
			"expected one real number for each pattern"}},
		{"pickled columns", v.with(npztest.Pickled(KeyX)),
			[]string{": xcoords: ", "pickled", "; save it as a plain numeric array"}},
		{"encoder counts", v.with(bad(KeyX, 1e200)),
			[]string{": xcoords: ", "1e+200 at position 1", "none beyond 1.67"}},
		{"complex columns", v.with(npztest.Array{Key: KeyX, Dtype: "<c16", Shape: []int{3},
			Values: make([]complex128, 3)}), []string{": xcoords: ", "complex values"}},
		{"a table of columns", v.with(npztest.Real(KeyX, "<f8", frames(1, 2), 2, 2)),
			[]string{": xcoords: ", "shape (2, 2)"}},
		{"NaN column", v.with(bad(KeyX, math.NaN())), []string{": xcoords: ", "NaN at position 1"}},
		{"infinite row", v.with(bad(KeyY, math.Inf(-1))), []string{": ycoords: ", "-Inf at position 1"}},
		{"NaN start", v.with(bad(KeyYStart, math.NaN())), []string{": ycoords_start: ", "NaN at position 1"}},
		{"fewer starts", v.with(npztest.Real(KeyXStart, "<f8", column(2), 2)),
			[]string{": xcoords_start: ", "2 values"}},
		{"fewer indices", v.with(npztest.Real(KeyIndex, "<i8", column(2), 2)), []string{": scan_index: ", "2 values"}},
		{"broken index", v.with(npztest.Real(KeyIndex, "<f8", column(3), 3)),
			[]string{": scan_index: ", "expected whole numbers"}},
		{"no probe", v.without(KeyProbe), []string{": probeGuess: ", "no probe", "--probe-file"}},
		{"pickled probe", v.with(npztest.Pickled(KeyProbe)), []string{": probeGuess: ", "no probe", "--probe-file"}},
		{"text for a probe", v.with(npztest.Array{Key: KeyProbe, Dtype: "<U1", Shape: []int{64, 64},
			Raw: make([]byte, 4*4096)}), []string{": probeGuess: ", "text (dtype <U1)"}},
		{"probe of another size", v.with(probeArray(32, 32)),
			[]string{": probeGuess: ", "shape (32, 32)", "(64, 64)", "--probe-file"}},
		{"flat probe", v.with(probeArray(4096)), []string{": probeGuess: ", "shape (4096,)"}},
		{"no probe mode", v.with(probeArray(0, 64, 64)), []string{": probeGuess: ", "shape (0, 64, 64)"}},
		{"dark probe", v.with(darkProbe), []string{": probeGuess: ", "zero everywhere"}},
		{"NaN in the probe", v.with(probe(complex(0, math.NaN()), 70)),
			[]string{": probeGuess: ", "NaN", "(row 1, column 6)"}},
		{"infinity in the probe", v.with(probe(complex(math.Inf(1), 0), 3)),
			[]string{": probeGuess: ", "Inf", "(row 0, column 3)"}},
		{"mixed scaling profile", v.with(npztest.Text(keyScaleContract, "ci_intensity_v2"),
			npztest.Text(keyDomain, "normalized_amplitude")),
			[]string{": scale_contract_version: ", "normalized_amplitude"}},
		{"half a scaling profile", v.with(npztest.Text(keyDomain, "count_intensity")),
			[]string{": scale_contract_version: ", `""`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.file.file(t)
			s, err := Open(path, Options{})
			if err == nil { // some faults lie in bodies that Open does not read
				defer s.Close()
				_, err = s.Load()
			}
			mustSay(t, err, append(tt.want, path)...)
		})
	}
}

// mustSay expects a *badinput.Error whose sentence has the parts.
func mustSay(t *testing.T, err error, parts ...string) {
	t.Helper()
	var fault *badinput.Error
	if !errors.As(err, &fault) {
		t.Fatalf("got %v, want a *badinput.Error", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestTruncatedFile(t *testing.T) {
	content := npztest.Zip(zip.Deflate, validScan(3)...)
	path := npztest.File(t, content[:len(content)*2/3])
	_, err := Open(path, Options{})
	mustSay(t, err, path, "truncated or damaged zip")
}

func TestBadPixels(t *testing.T) {
	for _, tt := range []struct {
		dtype string
		value float64
		want  string
	}{
		{"<f4", math.NaN(), "NaN"}, {"<f8", math.Inf(1), "+Inf"}, {"<f4", -0.5, "-0.5"}, {"<i2", -3, "-3"},
		{"<f8", 1e300, "+Inf"},
	} {
		values := frames(3, 64)
		values[2*4096+5*64+7] = tt.value
		s, log := validScan(3).with(npztest.Real(KeyPatterns, tt.dtype, values, 3, 64, 64)).open(t, Options{})
		_, err := s.Load()
		mustSay(t, err, s.Path, ": diff3d: ", "found "+tt.want+" in frame 2 at pixel (row 5, column 7)")
		if strings.Contains(log.String(), "look like photon counts") {
			t.Errorf("%v: doubts about a scan that is refused: %s", tt.value, log)
		}
		if _, err := s.MeanPower(); err == nil {
			t.Error("the mean power of a bad scan was given")
		}
		if _, err := s.LoadSelected([]int{1}); err != nil {
			t.Errorf("good frames before the bad one: %v", err)
		}
	}
}

func TestTypesOrdersAndCompression(t *testing.T) {
	// Frames of whole numbers, the same in every type; understood as amplitudes they come out as they are.
	const m = 3
	values := make([]float64, m*4096)
	for i := range values {
		values[i] = float64(i * 7 % 50)
	}
	var digest string
	for _, dtype := range []string{"<f4", "<f8", ">f4", "<u2", ">u2", "|u1", "<i4", "<u4", "<i8"} {
		for _, fortran := range []bool{false, true} {
			for _, method := range []uint16{zip.Store, zip.Deflate} {
				a := npztest.Real(KeyPatterns, dtype, values, m, 64, 64)
				a.Fortran = fortran
				s, err := Open(npztest.File(t, npztest.Zip(method, validScan(m).with(a)...)), Options{Input: Amplitude})
				if err != nil {
					t.Fatal(err)
				}
				all, err := s.Load()
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range all.Data {
					if v != float32(values[i]) {
						t.Fatalf("%s fortran %v: element %d is %v, want %v", dtype, fortran, i, v, values[i])
					}
				}
				d, err := s.ContentDigest()
				if err != nil || digest != "" && d != digest {
					t.Errorf("%s fortran %v: digest %s (%v), others %s", dtype, fortran, d, err, digest)
				}
				digest = d
				s.Close()
			}
		}
	}
}

func TestCountsBecomeAmplitudes(t *testing.T) {
	counts := []float64{0, 1, 4, 9, 65535, 2}
	values := make([]float64, 4096)
	copy(values, counts)
	f := validScan(1).with(npztest.Real(KeyPatterns, "<u2", values, 1, 64, 64))
	s, log := f.open(t, Options{})
	if s.Input != Intensity || !strings.Contains(log.String(), "photon counts") {
		t.Errorf("input %v, log %s", s.Input, log)
	}
	a, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range counts {
		if a.Data[i] != float32(math.Sqrt(c)) {
			t.Errorf("count %v became %v", c, a.Data[i])
		}
	}
	// The sum of counts, once the amplitudes are squared again: each is rounded to float32, 2^-24 of it, so the sum is
	// within 2^-23.
	power, err := s.MeanPower()
	if want := 65551.0; err != nil || !(math.Abs(power-want) <= want*0x1p-23) {
		t.Errorf("mean power %v (%v), want %v", power, err, want)
	}
	for _, told := range []InputKind{Amplitude, Intensity} {
		s, log := f.open(t, Options{Input: told})
		if s.Input != told || log.Len() != 0 {
			t.Errorf("told %v: input %v, log %s", told, s.Input, log)
		}
	}
}

func TestFloatsThatLookLikeCounts(t *testing.T) {
	whole := make([]float64, 4096)
	for i := range whole {
		whole[i] = float64(i % 7)
	}
	roots := make([]float64, 4096)
	for i := range roots {
		roots[i] = math.Sqrt(float64(i % 5 / 4))
	}
	roots[2080], roots[2081] = math.Sqrt(15626), math.Sqrt(400001) // 3 000 times the mean
	binary := make([]float64, 4096)
	binary[9] = 1
	for _, tt := range []struct {
		name   string
		values []float64
		counts bool
	}{{"whole", whole, true}, {"roots", roots, false}, {"binary", binary, false},
		{"dark", make([]float64, 4096), false}} {
		s, log := validScan(1).with(npztest.Real(KeyPatterns, "<f4", tt.values, 1, 64, 64)).open(t, Options{})
		for range 2 {
			if _, err := s.Load(); err != nil {
				t.Fatal(err)
			}
		}
		warned := strings.Count(log.String(), "look like photon counts, all whole numbers")
		if s.Input != Amplitude || (warned == 1) != tt.counts || warned > 1 ||
			strings.Count(log.String(), "taken as amplitudes\"") != 1 {
			t.Errorf("%s: input %v, log %s", tt.name, s.Input, log)
		}
	}
}

func TestScalingProfile(t *testing.T) {
	f := validScan(1).with(npztest.Text(keyScaleContract, "ci_intensity_v2"),
		npztest.Text(keyDomain, "count_intensity"))
	if s, _ := f.open(t, Options{}); s.Input != Intensity {
		t.Errorf("input %v", s.Input)
	}
	if s, log := f.open(t, Options{Input: Amplitude}); s.Input != Amplitude ||
		!strings.Contains(log.String(), "states another kind") {
		t.Errorf("input %v, log %s", s.Input, log)
	}
}

func TestMorePositionsThanPatterns(t *testing.T) {
	s, log := validScan(3).with(npztest.Real(KeyX, "<f8", column(5), 5), npztest.Real(KeyY, "<f8", column(5), 5),
		npztest.Real(KeyIndex, "<i8", []float64{1, 2, 3, 4, 5}, 5)).open(t, Options{})
	if !slices.Equal(s.X, column(3)) || !slices.Equal(s.Y, column(3)) || !slices.Equal(s.Index, []int64{1, 2, 3}) {
		t.Errorf("X %v, Y %v, index %v", s.X, s.Y, s.Index)
	}
	if !strings.Contains(log.String(), "dropped=2") {
		t.Errorf("log %s", log)
	}
}

func TestPositionsWithinAPixelAreWarnedOf(t *testing.T) {
	metres := []float64{1e-6, 2e-6, 3e-6}
	one := []float64{40}
	for _, tt := range []struct {
		name   string
		file   scanFile
		warned bool
	}{
		{"metres", validScan(3).with(npztest.Real(KeyX, "<f8", metres, 3), npztest.Real(KeyY, "<f8", metres, 3)), true},
		{"a line", validScan(3).with(npztest.Real(KeyX, "<f8", metres, 3)), false},
		{"one pattern", validScan(1).with(npztest.Real(KeyX, "<f8", one, 1)), false},
	} {
		if _, log := tt.file.open(t, Options{}); strings.Contains(log.String(), "within one pixel") != tt.warned {
			t.Errorf("%s: log %s", tt.name, log)
		}
	}
}

func TestProbeForms(t *testing.T) {
	modes := probeArray(2, 64, 64)
	for i := range modes.Values[4096:] {
		modes.Values[4096+i] = 9
	}
	realProbe := npztest.Real(KeyProbe, "<f8", random(4096, 1), 64, 64)
	for name, p := range map[string]npztest.Array{
		"modes": modes, "trailing axis": probeArray(64, 64, 1),
		"wide": {Key: KeyProbe, Dtype: "<c16", Shape: []int{64, 64}, Values: probeArray(64, 64).Values},
	} {
		s, log := validScan(2).with(p).open(t, Options{})
		if !slices.Equal(s.Probe.Shape, []int{64, 64}) || len(s.Probe.Data) != 4096 || s.Probe.Data[4095] != 1+1i {
			t.Errorf("%s: probe %v", name, s.Probe.Shape)
		}
		if got, want := strings.Contains(log.String(), "first probe mode"), name == "modes"; got != want {
			t.Errorf("%s: log %s", name, log)
		}
	}
	if s, _ := validScan(2).with(realProbe).open(t,
		Options{}); s.Probe.Data[9] != complex(float32(real(realProbe.Values[9])), 0) {
		t.Errorf("real probe: %v", s.Probe.Data[9])
	}
}

func TestProbeFile(t *testing.T) {
	other := probeArray(64, 64)
	other.Values[0] = 5
	probeFile := scanFile{other}.file(t)
	for name, f := range map[string]scanFile{"replaced": validScan(2), "added": validScan(2).without(KeyProbe)} {
		if s, _ := f.open(t, Options{ProbeFile: probeFile}); s.Probe.Data[0] != 5 {
			t.Errorf("%s: probe %v", name, s.Probe.Data[0])
		}
	}
	small := scanFile{probeArray(32, 32)}.file(t)
	_, err := Open(validScan(2).file(t), Options{ProbeFile: small})
	mustSay(t, err, small, ": probeGuess: ", "shape (32, 32)")
	_, err = Open(validScan(2).file(t), Options{ProbeFile: validScan(2).without(KeyProbe).file(t)})
	mustSay(t, err, ": probeGuess: ", "no array of this name")
	_, err = Open(validScan(2).file(t), Options{ProbeFile: "absent.npz"})
	mustSay(t, err, "absent.npz", "no such file")
}

func TestObjectThatIsNotNeeded(t *testing.T) {
	broken := npztest.Array{Key: KeyObject, Dtype: "<c8", Shape: []int{9, 9}, Raw: []byte("cut")}
	if s, _ := validScan(1).with(broken).open(t, Options{NoObject: true}); s.Object != nil {
		t.Errorf("object %v", s.Object)
	}
}

func TestOddObjects(t *testing.T) {
	for name, a := range map[string]npztest.Array{
		"layers": {Key: KeyObject, Dtype: "<c8", Shape: []int{2, 3, 3}, Values: make([]complex128, 18)},
		"text":   npztest.Text(KeyObject, "none"),
	} {
		if s, log := validScan(1).with(a).open(t, Options{}); s.Object != nil ||
			!strings.Contains(log.String(), "object is left out") {
			t.Errorf("%s: object %v, log %s", name, s.Object, log)
		}
	}
	a := npztest.Array{Key: KeyObject, Dtype: "<c8", Shape: []int{1, 3, 2, 1}, Values: make([]complex128, 6)}
	if s, _ := validScan(1).with(a).open(t, Options{}); s.Object == nil || !slices.Equal(s.Object.Shape, []int{3, 2}) {
		t.Errorf("object %v", s.Object)
	}
}

func TestStreamingEqualsLoading(t *testing.T) {
	const m = 21
	s, _ := validScan(m).open(t, Options{})
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, buffer := range []int{4096, 4096 + 9, 5 * 4096, m * 4096, 2 * m * 4096} {
		f, err := s.Frames()
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		buf := make([]float32, buffer)
		for {
			n, err := f.Next(buf)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n*4096]...)
		}
		f.Close()
		if !slices.Equal(got, all.Data) {
			t.Errorf("buffer of %d: the stream differs", buffer)
		}
	}
	ids := []int{20, 3, 3, 0, 11}
	some, err := s.LoadSelected(ids)
	if err != nil || !slices.Equal(some.Shape, []int{5, 64, 64}) {
		t.Fatal(some, err)
	}
	for slot, id := range ids {
		if !slices.Equal(some.Data[slot*4096:(slot+1)*4096], all.Data[id*4096:(id+1)*4096]) {
			t.Errorf("slot %d is not pattern %d", slot, id)
		}
	}
	if none, err := s.LoadSelected(nil); err != nil || len(none.Data) != 0 {
		t.Errorf("nothing selected: %v, %v", none, err)
	}
	for _, id := range []int{-1, m} {
		if _, err := s.LoadSelected([]int{id}); err == nil {
			t.Errorf("pattern %d was given", id)
		}
	}
}

// TestStreamingMemory: a pass over 2000 frames (16 MB as uint16) allocates in total what the buffers of one chunk need.
func TestStreamingMemory(t *testing.T) {
	const m = 2000
	raw := make([]byte, m*4096*2)
	for i := 0; i < len(raw); i += 2 {
		raw[i] = byte(i >> 9)
	}
	s, _ := validScan(1).with(npztest.Array{Key: KeyPatterns, Dtype: "<u2", Shape: []int{m, 64, 64}, Raw: raw},
		npztest.Real(KeyX, "<f8", column(m), m), npztest.Real(KeyY, "<f8", column(m), m)).open(t, Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := s.MeanPower(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// 256 KiB of file, 8 frames of float32, one frame of bytes, coordinates and probe for the digest: under 1 MiB.
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("a pass over %d MB allocated %d bytes", len(raw)>>20, got)
	}
}

func TestDarkFramesAreCounted(t *testing.T) {
	// a scan without any light is refused by those who need it
	for dark, want := range []string{"", "dark=1", "dark=2", ""} {
		values := frames(3, 64)
		for i := range values[:4096] {
			values[i] = 1.5
		}
		clear(values[:dark*4096])
		s, log := validScan(3).with(npztest.Real(KeyPatterns, "<f4", values, 3, 64, 64)).open(t, Options{})
		for range 2 {
			if _, err := s.Load(); err != nil {
				t.Fatal(err)
			}
		}
		if said := strings.Count(log.String(), "without any light"); said != min(len(want), 1) ||
			!strings.Contains(log.String(), want) {
			t.Errorf("%d dark frames: log %s", dark, log)
		}
	}
}

func TestMeanPowerAndDigest(t *testing.T) {
	const m = 4
	want := 0.0
	for k := range m * 4096 {
		v := float64(float32(pixel(k/4096, k%4096)))
		want += v * v / m
	}
	fresh, _ := validScan(m).open(t, Options{})
	power, err := fresh.MeanPower()
	// Both sums are of m*4096 float64 terms: 2^-53 for each addition.
	if tol := want * m * 4096 * 0x1p-53; err != nil || !(math.Abs(power-want) <= tol) {
		t.Errorf("mean power %v (%v), want %v", power, err, want)
	}
	digest, err := fresh.ContentDigest()
	if err != nil || len(digest) != 64 {
		t.Errorf("digest %q (%v)", digest, err)
	}
	changes := map[string]scanFile{
		"a pixel": validScan(m).with(npztest.Real(KeyPatterns, "<f4", append([]float64{1.5}, frames(m, 64)[1:]...),
			m, 64, 64)),
		"a column": validScan(m).with(npztest.Real(KeyX, "<f8", append([]float64{1}, column(m)[1:]...), m)),
		"a row":    validScan(m).with(npztest.Real(KeyY, "<f8", append([]float64{1}, column(m)[1:]...), m)),
		"the probe": validScan(m).with(npztest.Array{Key: KeyProbe, Dtype: "<c8", Shape: []int{64, 64},
			Values: append([]complex128{7}, probeArray(64, 64).Values[1:]...)}),
		"the number":  validScan(m - 1),
		"coordinates": validScan(m).with(npztest.Real(KeyX, "<f8", random(m, 5), m)),
	}
	for name, f := range changes {
		s, _ := f.open(t, Options{})
		if d, err := s.ContentDigest(); err != nil || d == digest {
			t.Errorf("%s changed: digest %s (%v)", name, d, err)
		}
	}
	same := validScan(m).with(npztest.Text("note", "does not count"))
	slices.Reverse(same)
	s, _ := same.open(t, Options{})
	if d, err := s.ContentDigest(); err != nil || d != digest {
		t.Errorf("members in another order: digest %s (%v), want %s", d, err, digest)
	}
	dark, _ := validScan(1).with(npztest.Real(KeyPatterns, "<f4", make([]float64, 4096), 1, 64, 64)).open(t, Options{})
	_, err = dark.MeanPower()
	mustSay(t, err, ": diff3d: ", "zero everywhere")
}
