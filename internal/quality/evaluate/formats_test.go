package evaluate_test

import (
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
)

// The scripts make_*.py of this folder write the files of other programs, all of the scan that scene.py simulates.
const formatFiles = "../../scan/source/testdata/"

// format is a file of another program.
type format struct {
	beside string // another file that ptyx finds by itself, if the first is packed by gzip
	file   string
	truth  string          // file of the object, the probe and the positions
	view   dataset.View    // what the file does not state
	probe  string          // file with the probe; empty: the truth's
	within float64         // error of the positions in pixels; 0: 0.001
	masked []int           // pixels of a pattern that the file masks
	order  func(i int) int // the truth's number of a pattern; nil: the same
}

// formats are the files, at least one for each reader.
func formats() []format {
	const jittered, raster = "truth.npz", "truth_raster.npz"
	stepped := dataset.View{StepNM: sceneStepNM, PixelSizeNM: 1e9 * scenePixel}
	columns := dataset.View{PositionsFile: formatFiles + "csaxs_positions.dat", Unit: "um"}
	columns.X, columns.Y = "Average_x_st_fzp", "Average_y_st_fzp"
	gridded := dataset.View{StepNM: sceneStepNM, PixelSizeNM: 1e9 * scenePixel}
	gridded.Raster = source.Raster{Rows: sceneRows, Columns: sceneColumns}
	sampleMoves := true
	master := dataset.View{ // rows 3 to 34 and columns 7 to 38
		PositionsFile: formatFiles + "dectris_positions.csv", SampleMotion: &sampleMoves,
		Crop: dataset.Crop{Size: 32, Row: 3 + 16, Col: 7 + 16},
	}
	byColumn := func(i int) int { return i%sceneRows*sceneColumns + i/sceneRows }
	return []format{
		{file: "ptypy.ptyd", truth: jittered, probe: "ptypy.ptyr", masked: []int{3*32 + 5}},
		{file: "ptylab.hdf5", truth: jittered},
		{file: "fold_slice_dp.hdf5", truth: jittered},
		{file: "fold_slice_matlab_dp.hdf5", truth: jittered},
		{file: "matlab.mat", truth: jittered, probe: "matlab.mat"},
		{file: "matlab_raster.mat", truth: raster, view: stepped, order: byColumn},
		{file: "dectris_1_master.h5", truth: jittered, view: master, masked: []int{3*32 + 5, 20*32 + 25}},
		{file: "dectris_2_master.h5", truth: jittered, view: master, masked: []int{3*32 + 5, 20*32 + 25}},
		{file: "slac.npz", truth: jittered, probe: "slac.npz"},
		{file: "py4dstem.h5", truth: raster},
		{file: "empad.raw.gz", beside: "empad.xml", truth: raster, view: dataset.View{
			PixelSizeNM: 1e9 * scenePixel, Crop: dataset.Crop{Size: 32, Centred: true}}},
		{file: "stack.tif", truth: raster, view: gridded},
		{file: "nxcxi_ptycho.nxs", truth: jittered},
		{file: "nanomax.h5", truth: jittered, view: dataset.View{DistanceM: sceneDistance}, masked: []int{2*32 + 3}},
		{file: "csaxs.h5", truth: jittered, view: columns},
		{file: "bliss.h5", truth: jittered},
		{file: "arina_master.h5", truth: raster, view: dataset.View{
			PixelSizeNM: 1e9 * scenePixel, Raster: gridded.Raster}},
		{file: "csaxs.h5", truth: jittered, within: 0.1, view: dataset.View{
			PositionsFile: formatFiles + "velociprobe.txt"}}, // in whole nanometres, of which a pixel has 18
	}
}

// Of scene.py.
const (
	sceneRows     = 6
	sceneColumns  = 8
	sceneEnergy   = 6200.0
	sceneDistance = 0.5
	sceneDetector = 172e-6
	scenePixel    = 1.2398419843320026e-6 / sceneEnergy * sceneDistance / (32 * sceneDetector)
	sceneStepNM   = 4 * 1e9 * scenePixel
)

// open opens the scan with the senses of its format, changed by turn.
func (f format) open(t *testing.T, turn func(v *dataset.View)) *dataset.Scan {
	t.Helper()
	view := f.view
	view.Library = hdf5test.Library()
	turn(&view)
	probe := f.probe
	if probe == "" {
		probe = f.truth
	}
	scan, err := dataset.Open(f.path(t), dataset.Options{
		ProbeFile: formatFiles + probe, NoObject: true, View: view,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { scan.Close() })
	return scan
}

// path is that of the file, unpacked if it ends with .gz.
func (f format) path(t *testing.T) string {
	t.Helper()
	path, packed := strings.CutSuffix(f.file, ".gz")
	if !packed {
		return formatFiles + f.file
	}
	in, err := os.Open(formatFiles + f.file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := os.ReadFile(formatFiles + f.beside)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{path: data, f.beside: beside} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, path)
}

// reconstruct solves the scan in a few passes and returns the complex correlation of the result with the truth.
func (f format) reconstruct(t *testing.T, scan *dataset.Scan) float64 {
	t.Helper()
	patterns, err := scan.Load()
	if err != nil {
		t.Fatal(err)
	}
	o := solve.Defaults(20)
	o.Method = solve.EPIE
	solution, err := solve.Run(context.Background(), solve.Problem{
		Patterns: solve.Amplitudes{Float32: patterns}, Measured: scan.Measured, X: scan.X, Y: scan.Y, Probe: scan.Probe,
	}, o, nil, func(solve.Pass) {})
	if err != nil {
		t.Fatal(err)
	}
	return f.correlation(t, metrics.Image{Object: solution.Object, Row: solution.Row, Col: solution.Col})
}

func (f format) correlation(t *testing.T, object metrics.Image) float64 {
	t.Helper()
	truth, err := evaluate.Load(formatFiles + f.truth)
	if err != nil {
		t.Fatal(err)
	}
	report, err := metrics.Compare(object, truth.Image, metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Correlation
}

// Correlations of the solved object with the truth. The worst file that is read in the right sense gives 0.99, the best
// that is read in a wrong one 0.27.
const (
	right = 0.98
	wrong = 0.4
)

// TestFormatsReconstruct: the file of each format gives the object of the truth, its positions, optics and mask.
func TestFormatsReconstruct(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.file, func(t *testing.T) {
			scan := f.open(t, func(*dataset.View) {})
			f.checkPositions(t, scan)
			g := scan.Geometry
			if !near(g.PixelX, scenePixel) || !near(g.PixelY, scenePixel) {
				t.Errorf("pixels of the object of %v x %v, want %v; %+v", g.PixelY, g.PixelX, scenePixel, g)
			}
			for i, measured := range scan.Measured {
				if measured == slices.Contains(f.masked, i) {
					t.Errorf("pixel %d is measured: %v", i, measured)
				}
			}
			if scan.Measured == nil && f.masked != nil {
				t.Errorf("no pixel is masked, want %v", f.masked)
			}
			got := f.reconstruct(t, scan)
			t.Logf("correlation with the truth %.3f", got)
			if !(got >= right) {
				t.Errorf("correlation with the truth %.3f, want at least %v", got, right)
			}
		})
	}
}

// near allows for numbers that a file keeps in single precision.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-6*want }

// checkPositions compares the positions with those of the truth, in pixels.
func (f format) checkPositions(t *testing.T, scan *dataset.Scan) {
	t.Helper()
	r, err := npz.Open(formatFiles + f.truth)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for key, got := range map[string][]float64{dataset.KeyX: scan.X, dataset.KeyY: scan.Y} {
		want, err := r.Float64s(key)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d positions, want %d", len(got), len(want))
		}
		for i := range got {
			of := i
			if f.order != nil {
				of = f.order(i)
			}
			if math.Abs(got[i]-want[of]) > cmp.Or(f.within, 1e-3) {
				t.Fatalf("%s[%d] = %v, want %v", key, i, got[i], want[of])
			}
		}
	}
}

// TestWrongSensesDoNotReconstruct: with positions in another sense, the same files do not give the object.
func TestWrongSensesDoNotReconstruct(t *testing.T) {
	senses := map[string]func(v *dataset.View){
		"columns flipped": func(v *dataset.View) { v.FlipX = !v.FlipX },
		"rows flipped":    func(v *dataset.View) { v.FlipY = !v.FlipY },
		"both flipped":    func(v *dataset.View) { v.FlipX, v.FlipY = !v.FlipX, !v.FlipY },
		"axes exchanged":  func(v *dataset.View) { v.SwapXY = !v.SwapXY },
	}
	for _, f := range formats() {
		for name, turn := range senses {
			t.Run(f.file+" with "+name, func(t *testing.T) {
				got := f.reconstruct(t, f.open(t, turn))
				t.Logf("correlation with the truth %.3f", got)
				if !(got < wrong) {
					t.Errorf("correlation with the truth %.3f, want less than %v", got, wrong)
				}
			})
		}
	}
}

// TestObjectsOfOtherPrograms: an object that another program reconstructed serves as a reference.
func TestObjectsOfOtherPrograms(t *testing.T) {
	for _, file := range []string{"ptypy.ptyr", "matlab.mat"} {
		object, err := evaluate.Load(formatFiles + file)
		if err != nil {
			t.Fatal(err)
		}
		got := format{truth: "truth.npz"}.correlation(t, object.Image)
		if t.Logf("%s: correlation with the truth %.3f", file, got); !(got >= right) || object.ProbeSize != 32 {
			t.Errorf("%s: correlation with the truth %.3f, want at least %v; a probe of %d pixels", file, got, right,
				object.ProbeSize)
		}
	}
}
