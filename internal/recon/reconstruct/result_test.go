package reconstruct

import (
	"bytes"
	"errors"
	raster "image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
)

func saved(t *testing.T, dir string) *Result {
	t.Helper()
	r := run(t, &fake{}, opened(t, scanData(7)), model(1, "full"), Options{BatchSize: 3, Count: 5})
	if err := r.Save(dir, "c0ffee"); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSaveInTurn: the files are those of Save.
func TestSaveInTurn(t *testing.T) {
	at, inTurn := t.TempDir(), t.TempDir()
	if err := saved(t, at).SaveInTurn(inTurn, "c0ffee"); err != nil {
		t.Fatal(err)
	}
	if found := names(t, inTurn); !slices.Equal(found, files()) {
		t.Errorf("the files are %v, want %v", found, files())
	}
	for _, name := range files() {
		one, err := os.ReadFile(filepath.Join(at, name))
		other, err2 := os.ReadFile(filepath.Join(inTurn, name))
		if err != nil || err2 != nil || !bytes.Equal(one, other) {
			t.Errorf("%s differs: %v, %v", name, err, err2)
		}
	}
}

// pictures and files are what Save writes, sorted.
func pictures() []string { return []string{AmplitudeFile, CoverageFile, PhaseFile, SpreadFile} }

func files() []string { return slices.Sorted(slices.Values(append(pictures(), ObjectFile))) }

// decode reads a picture.
func decode(t *testing.T, dir, name string) raster.Image {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return img
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestSaveWritesTheObjectWithItsProvenance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "some", "where") // is made
	r := saved(t, dir)
	if got := names(t, dir); !slices.Equal(got, files()) {
		t.Errorf("the directory holds %v", got)
	}
	file, err := npz.Open(filepath.Join(dir, ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want := []string{
		"object", "origin", "coverage", "spread", "xcoords", "ycoords", "scan_index", "model_digest",
		"ptyx_version", "provider", "device_fallback", "probeGuess",
	}
	if got := file.Keys(); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	for key, dtype := range map[string]string{
		"object": "<c8", "origin": "<i8", "coverage": "<f4", "spread": "<f4", "xcoords": "<f8", "ycoords": "<f8",
		"scan_index": "<i8",
	} {
		if h, err := file.Header(key); err != nil || h.Dtype != dtype {
			t.Errorf("%s has type %s (%v), want %s", key, h.Dtype, err, dtype)
		}
	}
	if p, err := file.Complex64("probeGuess"); err != nil || !slices.Equal(p.Data, model(1, "full").Probe.Data) {
		t.Errorf("probe: another came back (%v)", err)
	}
	if o, err := file.Complex64("object"); err != nil || !slices.Equal(o.Shape, r.Object.Shape) ||
		!slices.Equal(o.Data, r.Object.Data) {
		t.Errorf("object: another came back (%v)", err)
	}
	for key, want := range map[string][]float32{"coverage": r.Coverage.Data, "spread": r.Spread.Data} {
		if a, err := file.Float32(key); err != nil || !slices.Equal(a.Data, want) {
			t.Errorf("%s: another came back (%v)", key, err)
		}
	}
	for key, want := range map[string][]float64{"xcoords": r.X, "ycoords": r.Y} {
		if v, err := file.Float64s(key); err != nil || !slices.Equal(v, want) {
			t.Errorf("%s: %v, want %v (%v)", key, v, want, err)
		}
	}
	for key, want := range map[string][]int64{"origin": {int64(r.Row), int64(r.Col)}, "scan_index": r.IDs} {
		if v, err := file.Int64s(key); err != nil || !slices.Equal(v, want) {
			t.Errorf("%s: %v, want %v (%v)", key, v, want, err)
		}
	}
	for key, want := range map[string]string{
		"model_digest": "c0ffee", "provider": "fake", "device_fallback": "no kernel",
	} {
		if v, err := file.String(key); err != nil || v != want {
			t.Errorf("%s: %q, want %q (%v)", key, v, want, err)
		}
	}
	for _, name := range pictures() {
		decode(t, dir, name)
	}
}

// TestSaveStatesTheOptics: the file states what is known of the experiment, and ptyx convert finds it there.
func TestSaveStatesTheOptics(t *testing.T) {
	dir := t.TempDir()
	r := run(t, &fake{}, opened(t, scanData(7)), model(1, "full"), Options{BatchSize: 3, Count: 5})
	want := dataset.Geometry{
		EnergyEV: 8000, DistanceM: 2, DetectorPixelX: 75e-6, DetectorPixelY: 70e-6, PixelX: 12e-9, PixelY: 13e-9,
	}
	r.Geometry = want
	if err := r.Save(dir, "c0ffee"); err != nil {
		t.Fatal(err)
	}
	file, err := source.Open(filepath.Join(dir, ObjectFile), source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := (dataset.View{}).Geometry(file.Facts); got != want {
		t.Errorf("the file states %+v, want %+v", got, want)
	}
}

func TestSaveIsDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	saved(t, a)
	saved(t, b)
	saved(t, b) // over itself
	for _, name := range names(t, a) {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs (%v, %v)", name, errX, errY)
		}
	}
}

// TestFailedSaveKeepsFilesComplete: a directory stands in the place of each file in turn. The other files are complete,
// and no temporary file is left.
func TestFailedSaveKeepsFilesComplete(t *testing.T) {
	r := run(t, &fake{}, opened(t, scanData(4)), model(1, "full"), Options{BatchSize: 4})
	for _, blocked := range files() {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, blocked, "inside"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := r.Save(dir, ""); err == nil {
			t.Errorf("%s was written over a directory", blocked)
		}
		if got := names(t, dir); !slices.Equal(got, files()) {
			t.Errorf("failing at %s leaves %v, want %v", blocked, got, files())
		}
		for _, name := range pictures() {
			if name != blocked {
				decode(t, dir, name)
			}
		}
		if blocked != ObjectFile {
			file, err := npz.Open(filepath.Join(dir, ObjectFile))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Complex64("object"); err != nil {
				t.Error(err)
			}
			_ = file.Close()
		}
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(filepath.Join(blocked, "out"), ""); err == nil {
		t.Error("an output directory was made inside a file")
	}
}

// TestNumbersThatAreNotFiniteAreNotSaved, in any array of a result: nothing is written, not even the directory.
func TestNumbersThatAreNotFiniteAreNotSaved(t *testing.T) {
	bad, infinite := math.NaN(), math.Inf(-1)
	for key, spoil := range map[string]func(*Result){
		"object":     func(r *Result) { r.Object.Data[3] = complex(0, float32(bad)) },
		"probeGuess": func(r *Result) { r.Probe.Data[4] = complex(float32(infinite), 0) },
		"coverage":   func(r *Result) { r.Coverage.Data[3] = float32(infinite) },
		"spread":     func(r *Result) { r.Spread.Data[0] = float32(bad) },
		"xcoords":    func(r *Result) { r.X[1] = infinite },
		"ycoords":    func(r *Result) { r.Y[0] = bad },
	} {
		r := run(t, &fake{}, opened(t, scanData(4)), model(1, "full"), Options{BatchSize: 4})
		if r.Probe == nil {
			t.Fatal("the result has no probe")
		}
		r.Object, r.Probe = r.Object.Clone(), r.Probe.Clone()
		spoil(r)
		dir := filepath.Join(t.TempDir(), "out")
		var bad *badinput.Error
		if err := r.Save(dir, ""); !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was written", key)
		}
		var file bytes.Buffer
		if err := r.Encode(&file, ""); !errors.As(err, &bad) || file.Len() > 0 {
			t.Errorf("%s: %d bytes, %v", key, file.Len(), err)
		}
	}
}

// TestSpreadAndCoverageAreDrawn: the pictures show the maps that are saved, the coverage on the whole canvas. Two
// patches that disagree on half of the object leave their mark on the right place: the spread is dark on the left,
// bright on the right.
func TestSpreadAndCoverageAreDrawn(t *testing.T) {
	const h, w = 20, 40
	r := &Result{
		Object: ndarray.New[complex64](h,
			w), Coverage: ndarray.New[float32](h, w), Spread: ndarray.New[float32](h, w), Row: 3, Col: 5,
	}
	for i := range r.Object.Data {
		r.Object.Data[i], r.Coverage.Data[i] = 1, 2
		if i%w >= w/2 {
			r.Spread.Data[i] = 0.5
		}
	}
	dir := t.TempDir()
	if err := r.Save(dir, ""); err != nil {
		t.Fatal(err)
	}
	dark, bright := color.RGBA{0x44, 0x01, 0x54, 0xff}, color.RGBA{0xfd, 0xe7, 0x25, 0xff} // the ends of viridis
	img := decode(t, dir, SpreadFile)
	side := img.Bounds()
	left, right := count(img, side.Min.X, side.Dx()/2, dark), count(img, side.Min.X, side.Dx()/2, bright)
	if !(left > 0.3*float64(side.Dx()/2*side.Dy())) || !(right < left) {
		t.Errorf("of the left half %g pixels are dark and %g bright", left, right)
	}
	if n := count(img, side.Min.X, side.Dx(), bright); !(n > 0.8*left) {
		t.Errorf("%g pixels are bright, %g dark: they are as many in the map", n, left)
	}
	// The border that is hardly covered is left out of the other pictures, not of the coverage's.
	for i := range r.Coverage.Data {
		if c := i % w; c < 5 {
			r.Coverage.Data[i] = 0.01
		}
	}
	if err := r.Save(dir, ""); err != nil {
		t.Fatal(err)
	}
	cut, whole := decode(t, dir, SpreadFile).Bounds(), decode(t, dir, CoverageFile).Bounds()
	if !(ratio(cut) < ratio(whole)) {
		t.Errorf("spread %v, coverage %v: the coverage should show more columns", cut, whole)
	}
}

// count is the number of pixels of a colour in some columns.
func count(img raster.Image, from, width int, c color.RGBA) float64 {
	n := 0.0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := from; x < from+width; x++ {
			if color.RGBAModel.Convert(img.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

func ratio(r raster.Rectangle) float64 { return float64(r.Dx()) / float64(r.Dy()) }
